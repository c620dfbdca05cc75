import type { MeshRequest, Step } from '../api/client';

/** A request for tests; a test says only what matters to it. */
export function aRequest(given: Partial<MeshRequest> = {}): MeshRequest {
  return {
    id: 'r-1',
    kind: 'project',
    status: 'fulfilling',
    title: 'Project Autumn',
    requester: { user_id: 'u-1', name: 'analyst' },
    reason: 'Demand forecast',
    body: {},
    outcome: {},
    failure: null,
    policy: { allowed: true, policies: ['project.may-request'], reasons: [], policy_hash: 'abc' },
    project_id: null,
    asset: null,
    ends_on: null,
    created_at: '2026-01-05T08:00:00Z',
    updated_at: '2026-01-05T08:00:00Z',
    approvals: [],
    steps: [],
    may: [],
    ...given,
  };
}

export function aStep(seq: number, text: string, kind = 'progress'): Step {
  return { seq, text, kind, at: '2026-01-05T08:00:00Z', actor: 'management-app', detail: {} };
}
