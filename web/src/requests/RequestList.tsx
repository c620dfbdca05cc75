import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Header from '@cloudscape-design/components/header';
import Link from '@cloudscape-design/components/link';
import StatusIndicator from '@cloudscape-design/components/status-indicator';
import Table from '@cloudscape-design/components/table';
import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { api, unwrap } from '../api/client';
import { ProblemAlert } from '../shell/ProblemAlert';
import { MOVING, stateOf } from './status';

/** What I have asked for, newest first, and where each request stands. */
export function RequestList() {
  const navigate = useNavigate();
  const mine = useQuery({
    queryKey: ['requests', 'mine'],
    queryFn: async () => unwrap(await api.GET('/api/requests', { params: { query: { box: 'mine' } } })).items,
    refetchInterval: ({ state }) => (state.data?.some((request) => MOVING.has(request.status)) ? 2_000 : false),
  });
  if (mine.error) return <ProblemAlert problem={mine.error} />;
  const toNewRequest = () => navigate({ to: '/request-project' });
  return (
    <Table
      variant="full-page"
      loading={mine.isPending}
      loadingText="Loading your requests"
      items={mine.data ?? []}
      trackBy="id"
      header={
        <Header
          variant="awsui-h1-sticky"
          counter={mine.data && `(${mine.data.length})`}
          actions={
            <Button variant="primary" onClick={toNewRequest}>
              Request a project
            </Button>
          }
        >
          My requests
        </Header>
      }
      empty={
        <Box textAlign="center" padding="l">
          <Box variant="p">You have not asked for anything yet. A project is where you query and keep your work.</Box>
          <Button onClick={toNewRequest}>Request a project</Button>
        </Box>
      }
      columnDefinitions={[
        {
          id: 'title',
          header: 'Request',
          isRowHeader: true,
          cell: (request) => (
            <Link
              href={`/requests/${request.id}`}
              onFollow={(event) => {
                event.preventDefault();
                navigate({ to: '/requests/$id', params: { id: request.id } });
              }}
            >
              {request.title}
            </Link>
          ),
        },
        { id: 'kind', header: 'Kind', cell: (request) => request.kind },
        {
          id: 'status',
          header: 'Status',
          cell: (request) => {
            const state = stateOf(request.status);
            return <StatusIndicator type={state.type}>{state.text}</StatusIndicator>;
          },
        },
        { id: 'created', header: 'Asked', cell: (request) => new Date(request.created_at).toLocaleString() },
      ]}
    />
  );
}
