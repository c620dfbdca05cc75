import Alert from '@cloudscape-design/components/alert';
import { ApiProblem } from '../api/client';

/** Says what went wrong, in the server's words. */
export function ProblemAlert({ problem }: { problem: Error }) {
  return (
    <Alert type="error" header={problem.message}>
      {problem instanceof ApiProblem ? problem.detail : 'Check that the Management App is running, then try again.'}
    </Alert>
  );
}
