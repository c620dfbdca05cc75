import StatusIndicator, { type StatusIndicatorProps } from '@cloudscape-design/components/status-indicator';

const ACCESS: Record<string, { type: StatusIndicatorProps.Type; text: string }> = {
  have: { type: 'success', text: 'You have access' },
  requested: { type: 'pending', text: 'Requested' },
  can_request: { type: 'info', text: 'You may ask' },
  cannot: { type: 'stopped', text: 'You may not ask' },
};

/** Whether I have access to something, or may ask for it. */
export function Access({ access }: { access: string }) {
  const { type, text } = ACCESS[access] ?? { type: 'info', text: access };
  return <StatusIndicator type={type}>{text}</StatusIndicator>;
}
