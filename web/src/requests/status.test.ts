import { expect, test } from 'vitest';
import type { Approval } from '../api/client';
import { aRequest, aStep } from './request.sample';
import { approvalSentence, isMoving, progressOf, statusOf } from './status';

const approval: Approval = {
  position: 0,
  stage: 'privacy_officer',
  status: 'pending',
  people: [],
  note: null,
  decided_by: null,
  decided_at: null,
  comment: null,
  policy_hash: null,
  reasons: [],
};

test.each([
  ['fulfilling', ['success', 'in-progress']],
  ['pending_approval', ['success', 'pending']],
  ['active', ['success', 'success']],
  ['failed', ['success', 'error']],
  ['withdrawn', ['success', 'stopped']],
] as const)('the last step of a request that is %s stands as the request does', (status, shown) => {
  const steps = [aStep(1, 'Requested'), aStep(2, 'What came then')];
  expect(progressOf(aRequest({ status, steps })).map((step) => step.status)).toEqual(shown);
});

test('only what can still change is followed', () => {
  expect(isMoving({ status: 'pending_approval' })).toBe(true);
  expect(isMoving({ status: 'revoking' })).toBe(true);
  expect(isMoving({ status: 'active' })).toBe(false);
  expect(isMoving({ status: 'rejected' })).toBe(false);
});

test.each([
  [{ status: 'pending', stage: 'owner', people: ['planner', 'owner'] }, 'Owner (planner, owner) is asked'],
  [{ status: 'approved', decided_by: 'privacy' }, 'Privacy officer (privacy) approved'],
  [{ status: 'waiting' }, 'Privacy officer comes later'],
])('a stage of approval reads as a sentence: %o', (given, sentence) => {
  expect(approvalSentence({ ...approval, ...given }).text).toBe(sentence);
});

test('a status that this version does not know is shown by its own name', () => {
  expect(statusOf({ status: 'on_hold' as never })).toEqual({ type: 'info', text: 'On hold' });
});
