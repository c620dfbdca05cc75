import type { StatusIndicatorProps } from '@cloudscape-design/components/status-indicator';

/** How a request's or step's state is shown, and in which words. */
export const STATES: Record<string, { type: StatusIndicatorProps.Type; text: string }> = {
  pending_approval: { type: 'pending', text: 'Waiting for approval' },
  approved: { type: 'in-progress', text: 'Approved' },
  fulfilling: { type: 'in-progress', text: 'In progress' },
  active: { type: 'success', text: 'Active' },
  rejected: { type: 'error', text: 'Rejected' },
  withdrawn: { type: 'stopped', text: 'Withdrawn' },
  revoked: { type: 'stopped', text: 'Revoked' },
  expired: { type: 'stopped', text: 'Expired' },
  failed: { type: 'error', text: 'Failed' },
  done: { type: 'success', text: 'Done' },
  running: { type: 'in-progress', text: 'In progress' },
  waiting: { type: 'pending', text: 'Waiting' },
};

/** States in which something still happens, so that the page keeps following it. */
export const MOVING = new Set(['pending_approval', 'approved', 'fulfilling']);

export function stateOf(name: string): { type: StatusIndicatorProps.Type; text: string } {
  return STATES[name] ?? { type: 'info', text: name.replaceAll('_', ' ') };
}
