import Box from '@cloudscape-design/components/box';
import StatusIndicator from '@cloudscape-design/components/status-indicator';

/** Shown until there is something to show. */
export function Loading({ what }: { what: string }) {
  return (
    <Box padding="xxl" textAlign="center">
      <StatusIndicator type="loading">Loading the {what}</StatusIndicator>
    </Box>
  );
}
