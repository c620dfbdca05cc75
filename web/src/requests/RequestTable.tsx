import Header from '@cloudscape-design/components/header';
import StatusIndicator from '@cloudscape-design/components/status-indicator';
import Table from '@cloudscape-design/components/table';
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { PageLink } from '../shell/PageLink';
import { ProblemAlert } from '../shell/ProblemAlert';
import { type Box, requestsQuery } from './queries';
import { capital, shownTime, statusOf } from './status';

type Props = { box: Box; title: string; empty: ReactNode; actions?: ReactNode };

/** The requests of a box, and where each of them stands. */
export function RequestTable({ box, title, empty, actions }: Props) {
  const requests = useQuery(requestsQuery(box));
  if (requests.error) return <ProblemAlert problem={requests.error} onRetry={() => requests.refetch()} />;
  return (
    <Table
      variant="full-page"
      enableKeyboardNavigation
      wrapLines
      loading={requests.isPending}
      loadingText="Loading requests"
      items={requests.data ?? []}
      trackBy="id"
      ariaLabels={{ tableLabel: title }}
      empty={empty}
      header={
        <Header variant="awsui-h1-sticky" counter={requests.data && `(${requests.data.length})`} actions={actions}>
          {title}
        </Header>
      }
      columnDefinitions={[
        {
          id: 'title',
          header: 'Request',
          isRowHeader: true,
          cell: ({ id, title }) => <PageLink href={`/requests/${id}`}>{title}</PageLink>,
        },
        { id: 'kind', header: 'Kind', minWidth: 120, cell: ({ kind }) => capital(kind) },
        {
          id: 'status',
          header: 'Status',
          minWidth: 210,
          cell: (request) => {
            const { type, text } = statusOf(request);
            return <StatusIndicator type={type}>{text}</StatusIndicator>;
          },
        },
        { id: 'requester', header: 'Asked by', minWidth: 110, cell: ({ requester }) => requester.name },
        { id: 'created', header: 'Asked', minWidth: 190, cell: ({ created_at }) => shownTime(created_at) },
      ]}
    />
  );
}
