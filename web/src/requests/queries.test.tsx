import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { act, renderHook } from '@testing-library/react';
import type { PropsWithChildren } from 'react';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { requestQuery, useLiveRequest } from './queries';
import { aRequest, aStep } from './request.sample';

class FakeEvents extends EventTarget {
  static opened: FakeEvents[] = [];
  readyState = 1;
  onerror?: () => void;
  constructor(readonly url: string) {
    super();
    FakeEvents.opened.push(this);
  }
  close() {
    this.readyState = 2;
  }
  say(type: string, data: unknown = {}) {
    act(() => {
      this.dispatchEvent(new MessageEvent(type, { data: JSON.stringify(data) }));
    });
  }
}

const { queryKey } = requestQuery('r-1');
let queries: QueryClient;

beforeEach(() => {
  FakeEvents.opened = [];
  vi.stubGlobal('EventSource', Object.assign(FakeEvents, { CLOSED: 2 }));
  queries = new QueryClient();
  queries.setQueryData(queryKey, aRequest({ steps: [aStep(1, 'Requested', 'status')] }));
});
afterEach(() => vi.unstubAllGlobals());

function follow(isLive = true) {
  const wrapper = ({ children }: PropsWithChildren) => (
    <QueryClientProvider client={queries}>{children}</QueryClientProvider>
  );
  const hook = renderHook(() => useLiveRequest('r-1', isLive), { wrapper });
  return { ...hook, events: FakeEvents.opened[0] };
}

const texts = () => queries.getQueryData(queryKey)?.steps.map((step) => step.text);
const isStale = () => queries.getQueryState(queryKey)?.isInvalidated;

test('each step is shown once, as it happens', () => {
  const { events } = follow();
  expect(events?.url).toBe('/api/requests/r-1/events');
  events?.say('step', aStep(1, 'Requested', 'status')); // the stream begins at the beginning
  events?.say('step', aStep(2, 'Tooling: creating'));
  events?.say('step', aStep(2, 'Tooling: creating')); // and may repeat itself after it broke
  expect(texts()).toEqual(['Requested', 'Tooling: creating']);
  expect(isStale()).toBe(false);
});

test('a step that changes where the request stands makes it be read again', () => {
  const { events } = follow();
  events?.say('step', aStep(2, 'The project is ready', 'status'));
  expect(isStale()).toBe(true);
});

test('the stream is closed at its end, and when the page is left', () => {
  const first = follow();
  first.events?.say('end');
  expect(first.events?.readyState).toBe(2);
  first.unmount();
  const second = follow();
  second.unmount();
  expect(FakeEvents.opened.map(({ readyState }) => readyState)).toEqual([2, 2]);
});

test('a request to which nothing happens any more is not followed', () => {
  expect(follow(false).events).toBeUndefined();
});
