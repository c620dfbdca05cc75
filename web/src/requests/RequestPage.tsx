import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import BreadcrumbGroup from '@cloudscape-design/components/breadcrumb-group';
import Container from '@cloudscape-design/components/container';
import ContentLayout from '@cloudscape-design/components/content-layout';
import Header from '@cloudscape-design/components/header';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import LiveRegion from '@cloudscape-design/components/live-region';
import SpaceBetween from '@cloudscape-design/components/space-between';
import StatusIndicator from '@cloudscape-design/components/status-indicator';
import Steps from '@cloudscape-design/components/steps';
import { useQuery } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import type { MeshRequest } from '../api/client';
import { sessionQuery } from '../api/queries';
import { useFollow } from '../shell/follow';
import { Loading } from '../shell/Loading';
import { ProblemAlert } from '../shell/ProblemAlert';
import { usePageTitle } from '../shell/page-title';
import { Actions } from './Actions';
import { Decide } from './Decide';
import { factsOf } from './facts';
import { requestQuery, useLiveRequest } from './queries';
import { approvalSentence, isMoving, progressOf, shownTime, statusOf } from './status';

/** One request: where it stands, what was decided and why, and what happens to it, as it happens. */
export function RequestPage() {
  const { id } = useParams({ from: '/requests/$id' });
  const request = useQuery(requestQuery(id));
  usePageTitle(request.data?.title ?? 'Request');
  useLiveRequest(id, request.data !== undefined && isMoving(request.data));
  if (request.error) return <ProblemAlert problem={request.error} onRetry={() => request.refetch()} />;
  if (request.isPending) return <Loading what="request" />;
  return <Details request={request.data} />;
}

function Details({ request }: { request: MeshRequest }) {
  const follow = useFollow();
  const me = useQuery(sessionQuery).data;
  const isMine = request.requester.user_id === me?.user_id;
  return (
    <ContentLayout
      breadcrumbs={
        <BreadcrumbGroup
          onFollow={follow}
          items={[
            isMine ? { text: 'My requests', href: '/requests' } : { text: 'Inbox', href: '/inbox' },
            { text: request.title, href: `/requests/${request.id}` },
          ]}
        />
      }
      header={
        <Header variant="h1" description={request.reason} actions={<Actions request={request} />}>
          {request.title}
        </Header>
      }
    >
      <SpaceBetween size="l">
        {request.failure && (
          <Alert type="error" header="This could not be done">
            {request.failure}
          </Alert>
        )}
        <Overview request={request} />
        {request.may.includes('approve') && <Decide request={request} />}
        <Container header={<Header variant="h2">Decision</Header>}>
          <Decision request={request} />
        </Container>
        <Container header={<Header variant="h2">Progress</Header>}>
          <Steps ariaLabel="Progress" steps={progressOf(request)} />
        </Container>
      </SpaceBetween>
    </ContentLayout>
  );
}

function Overview({ request }: { request: MeshRequest }) {
  const { type, text } = statusOf(request);
  return (
    <Container header={<Header variant="h2">Request</Header>}>
      <LiveRegion hidden>{text}</LiveRegion>
      <KeyValuePairs
        columns={4}
        items={[
          { label: 'Status', value: <StatusIndicator type={type}>{text}</StatusIndicator> },
          { label: 'Asked by', value: request.requester.name },
          { label: 'Asked', value: shownTime(request.created_at) },
          ...factsOf(request),
        ]}
      />
    </Container>
  );
}

function Decision({ request }: { request: MeshRequest }) {
  const { policy, approvals } = request;
  return (
    <SpaceBetween size="s">
      {policy.reasons.map((reason) => (
        <Box key={reason} variant="p">
          {reason}
        </Box>
      ))}
      {approvals.length > 0 && (
        <Steps
          ariaLabel="Approvals"
          steps={approvals.map((approval) => {
            const { type, text } = approvalSentence(approval);
            const said = [approval.note, approval.comment, ...approval.reasons].filter(Boolean).join(' ');
            return { status: type, header: text, details: said || undefined };
          })}
        />
      )}
      <Box variant="small" color="text-body-secondary">
        Decided by {policy.policies.join(', ') || 'no policy'}, of the policies {policy.policy_hash.slice(0, 12)}
      </Box>
    </SpaceBetween>
  );
}
