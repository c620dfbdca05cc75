import { queryOptions, useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { api, type MeshRequest, type Step, unwrap } from '../api/client';
import { isMoving } from './status';

export type Box = 'mine' | 'inbox';

const MOVING_POLL_MS = 2_000;

/** The requests of a box, newest first; asked for again while one of them moves. */
export const requestsQuery = (box: Box) =>
  queryOptions({
    queryKey: ['requests', box],
    queryFn: async () => unwrap(await api.GET('/api/requests', { params: { query: { box } } })).items,
    refetchInterval: ({ state }) => (state.data?.some(isMoving) ? MOVING_POLL_MS : false),
  });

export const requestQuery = (id: string) =>
  queryOptions({
    queryKey: ['request', id],
    queryFn: async () => unwrap(await api.GET('/api/requests/{request_id}', { params: { path: { request_id: id } } })),
  });

/** Keeps what is known of a request in step with the server, as long as something still happens to it. */
export function useLiveRequest(id: string, isLive: boolean): void {
  const queries = useQueryClient();
  useEffect(() => {
    if (!isLive) return;
    const { queryKey } = requestQuery(id);
    const events = new EventSource(`/api/requests/${encodeURIComponent(id)}/events`);
    events.addEventListener('step', ({ data }) => {
      const step: Step = JSON.parse(data);
      const known = queries.getQueryData(queryKey);
      if (!known || known.steps.some(({ seq }) => seq === step.seq)) return;
      queries.setQueryData(queryKey, { ...known, steps: [...known.steps, step] });
      if (step.kind !== 'progress') queries.invalidateQueries({ queryKey });
    });
    events.addEventListener('end', () => {
      events.close();
      queries.invalidateQueries({ queryKey });
    });
    events.onerror = () => {
      // the browser connects again by itself, unless the server refused
      if (events.readyState === EventSource.CLOSED) queries.invalidateQueries({ queryKey });
    };
    return () => events.close();
  }, [id, isLive, queries]);
}

/** Shows everywhere that a request has changed. */
export function useShowChanged(): (request: MeshRequest) => void {
  const queries = useQueryClient();
  return (request) => {
    queries.setQueryData(requestQuery(request.id).queryKey, request);
    queries.invalidateQueries({ queryKey: ['requests'] });
    queries.invalidateQueries({ queryKey: ['catalog'] });
  };
}
