import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Container from '@cloudscape-design/components/container';
import ContentLayout from '@cloudscape-design/components/content-layout';
import Header from '@cloudscape-design/components/header';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Spinner from '@cloudscape-design/components/spinner';
import StatusIndicator from '@cloudscape-design/components/status-indicator';
import Steps from '@cloudscape-design/components/steps';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { useEffect } from 'react';
import { api, type MeshRequest, unwrap } from '../api/client';
import { ProblemAlert } from '../shell/ProblemAlert';
import { MOVING, stateOf } from './status';

/** One request: its state, what was decided and why, and each step of its fulfilment as it happens. */
export function RequestPage() {
  const { id } = useParams({ from: '/requests/$id' });
  const queries = useQueryClient();
  const request = useQuery({
    queryKey: ['request', id],
    queryFn: async () => unwrap(await api.GET('/api/requests/{request_id}', { params: { path: { request_id: id } } })),
  });
  const moving = request.data !== undefined && MOVING.has(request.data.status);
  useEffect(() => {
    if (!moving) return;
    const events = new EventSource(`/api/requests/${encodeURIComponent(id)}/events`);
    const refresh = () => queries.invalidateQueries({ queryKey: ['request', id] });
    events.addEventListener('request', refresh);
    return () => events.close();
  }, [id, moving, queries]);
  if (request.error) return <ProblemAlert problem={request.error} />;
  if (request.isPending) return <Spinner size="large" />;
  return <Details request={request.data} />;
}

function Details({ request }: { request: MeshRequest }) {
  const state = stateOf(request.status);
  return (
    <ContentLayout
      header={
        <Header variant="h1" description={request.reason}>
          {request.title}
        </Header>
      }
    >
      <SpaceBetween size="l">
        {request.failure && (
          <Alert type="error" header="This request could not be carried out">
            {request.failure}
          </Alert>
        )}
        <Container header={<Header variant="h2">Request</Header>}>
          <KeyValuePairs
            columns={3}
            items={[
              { label: 'Status', value: <StatusIndicator type={state.type}>{state.text}</StatusIndicator> },
              { label: 'Asked by', value: request.requester },
              { label: 'Asked', value: new Date(request.created_at).toLocaleString() },
            ]}
          />
        </Container>
        <Container header={<Header variant="h2">Decision</Header>}>
          <Decision request={request} />
        </Container>
        <Container header={<Header variant="h2">Progress</Header>}>
          <Progress request={request} />
        </Container>
      </SpaceBetween>
    </ContentLayout>
  );
}

function Decision({ request }: { request: MeshRequest }) {
  return (
    <SpaceBetween size="s">
      {request.policy.reasons.map((reason) => (
        <Box key={reason} variant="p">
          {reason}
        </Box>
      ))}
      {request.approvals.length > 0 && (
        <Steps
          steps={request.approvals.map((approval) => {
            const shown = stateOf(approval.status);
            return {
              status: shown.type === 'pending' || shown.type === 'in-progress' ? 'loading' : toStep(shown.type),
              header: `${approval.stage}: ${shown.text}`,
              details: approval.comment ?? undefined,
            };
          })}
        />
      )}
      <Box variant="small" color="text-body-secondary">
        Policy {request.policy.hash.slice(0, 12)}
      </Box>
    </SpaceBetween>
  );
}

function Progress({ request }: { request: MeshRequest }) {
  if (request.steps.length === 0) return <Box>Starts when the request is approved.</Box>;
  return (
    <Steps
      steps={request.steps.map((step) => {
        const shown = stateOf(step.status);
        return {
          status: shown.type === 'in-progress' || shown.type === 'pending' ? 'loading' : toStep(shown.type),
          header: step.title,
          details: step.detail ?? undefined,
        };
      })}
    />
  );
}

function toStep(type: string): 'success' | 'error' | 'stopped' | 'info' {
  return type === 'success' || type === 'error' || type === 'stopped' ? type : 'info';
}
