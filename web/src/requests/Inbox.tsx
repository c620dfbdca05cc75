import { usePageTitle } from '../shell/page-title';
import { RequestTable } from './RequestTable';

/** The requests that wait for my decision. */
export function Inbox() {
  usePageTitle('Inbox');
  return <RequestTable box="inbox" title="Inbox" empty="Nothing waits for you." />;
}
