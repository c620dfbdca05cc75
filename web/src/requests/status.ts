import type { StatusIndicatorProps } from '@cloudscape-design/components/status-indicator';
import type { StepsProps } from '@cloudscape-design/components/steps';
import type { Approval, MeshRequest, RequestStatus } from '../api/client';

type Shown = { type: StatusIndicatorProps.Type; text: string };

const REQUEST: Record<RequestStatus, Shown> = {
  draft: { type: 'in-progress', text: 'Being sent' },
  pending_approval: { type: 'pending', text: 'Waiting for approval' },
  approved: { type: 'in-progress', text: 'Approved' },
  fulfilling: { type: 'in-progress', text: 'In progress' },
  active: { type: 'success', text: 'Active' },
  revoking: { type: 'in-progress', text: 'Being ended' },
  revoked: { type: 'stopped', text: 'Revoked' },
  expired: { type: 'stopped', text: 'Expired' },
  rejected: { type: 'error', text: 'Rejected' },
  withdrawn: { type: 'stopped', text: 'Withdrawn' },
  failed: { type: 'error', text: 'Failed' },
};

const APPROVAL: Record<string, Shown> = {
  waiting: { type: 'not-started', text: 'comes later' },
  pending: { type: 'pending', text: 'is asked' },
  approved: { type: 'success', text: 'approved' },
  rejected: { type: 'error', text: 'rejected' },
  skipped: { type: 'stopped', text: 'was not needed' },
};

const MOVING = ['draft', 'pending_approval', 'approved', 'fulfilling', 'revoking'];

/** Whether something still happens to the request, so that the page keeps following it. */
export function isMoving({ status }: Pick<MeshRequest, 'status'>): boolean {
  return MOVING.includes(status);
}

/** How a request's status is shown, and in which words. */
export function statusOf({ status }: Pick<MeshRequest, 'status'>): Shown {
  return REQUEST[status as RequestStatus] ?? unknown(status);
}

/** A stage of approval as a sentence: `Owner (planner) is asked`. */
export function approvalSentence(approval: Approval): Shown {
  const { type, text } = APPROVAL[approval.status] ?? unknown(approval.status);
  const stage = capital(approval.stage.replaceAll('_', ' '));
  const who = approval.decided_by ?? approval.people.join(', ');
  return { type, text: `${stage}${who && ` (${who})`} ${text}` };
}

/** What happened to the request, in order: all of it is done but the last, which stands as the request does. */
export function progressOf(request: MeshRequest): StepsProps.Step[] {
  const last = request.steps.length - 1;
  return request.steps.map((step, position) => ({
    status: position === last ? statusOf(request).type : 'success',
    header: step.text,
    details: `${shownTime(step.at)} · ${step.actor}`,
  }));
}

/** A moment as people read it. */
export function shownTime(at: string): string {
  return new Date(at).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
}

export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function unknown(name: string): Shown {
  return { type: 'info', text: capital(name.replaceAll('_', ' ')) };
}
