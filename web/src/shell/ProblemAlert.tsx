import Alert from '@cloudscape-design/components/alert';
import Button from '@cloudscape-design/components/button';
import { ApiProblem } from '../api/client';

/** Says what went wrong, in the server's words. */
export function ProblemAlert({ problem, onRetry }: { problem: Error; onRetry?: () => void }) {
  const known = problem instanceof ApiProblem;
  return (
    <Alert
      type="error"
      header={known ? problem.message : 'The Management App did not answer'}
      action={onRetry && <Button onClick={onRetry}>Try again</Button>}
    >
      {known ? problem.detail : 'Check that it is running, then try again.'}
    </Alert>
  );
}
