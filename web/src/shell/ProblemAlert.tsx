import Alert from '@cloudscape-design/components/alert';
import Button from '@cloudscape-design/components/button';
import LiveRegion from '@cloudscape-design/components/live-region';
import { ApiProblem } from '../api/client';

/** Says what went wrong, in the server's words. */
export function ProblemAlert({ problem, onRetry }: { problem: Error; onRetry?: () => void }) {
  const known = problem instanceof ApiProblem;
  const isFinal = known && problem.status < 500;
  return (
    <LiveRegion assertive tagName="div">
      <Alert
        type="error"
        header={known ? problem.message : 'The Management App did not answer'}
        action={!isFinal && onRetry && <Button onClick={onRetry}>Try again</Button>}
      >
        {known ? problem.detail : 'Check that it is running, then try again.'}
      </Alert>
    </LiveRegion>
  );
}
