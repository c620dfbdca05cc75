import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useFollow } from '../shell/follow';
import { usePageTitle } from '../shell/page-title';
import { RequestTable } from './RequestTable';

/** What I have asked for, newest first, and where each request stands. */
export function RequestList() {
  usePageTitle('My requests');
  const follow = useFollow();
  return (
    <RequestTable
      box="mine"
      title="My requests"
      actions={
        <Button variant="primary" href="/projects/new" onFollow={follow}>
          Request a project
        </Button>
      }
      empty={
        <SpaceBetween size="s">
          <Box variant="p">You have not asked for anything yet. Begin with a project, or find data in the catalog.</Box>
          <Button href="/catalog" onFollow={follow}>
            Search the catalog
          </Button>
        </SpaceBetween>
      }
    />
  );
}
