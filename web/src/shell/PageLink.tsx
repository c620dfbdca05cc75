import Link, { type LinkProps } from '@cloudscape-design/components/link';
import { useFollow } from './follow';

/** A link to another page of the app. */
export function PageLink(props: LinkProps & { href: string }) {
  return <Link onFollow={useFollow()} {...props} />;
}
