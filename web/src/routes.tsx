import { createRootRoute, createRoute, createRouter, lazyRouteComponent, redirect } from '@tanstack/react-router';
import { Loading } from './shell/Loading';
import { NotFound } from './shell/NotFound';
import { ProblemAlert } from './shell/ProblemAlert';
import { Shell } from './shell/Shell';

const root = createRootRoute({ component: Shell });
const below = <Path extends string>(path: Path) => ({ getParentRoute: () => root, path });

const home = createRoute({
  ...below('/'),
  beforeLoad: () => {
    throw redirect({ to: '/requests', replace: true });
  },
});
const requests = createRoute({
  ...below('/requests'),
  component: lazyRouteComponent(() => import('./requests/RequestList'), 'RequestList'),
});
const request = createRoute({
  ...below('/requests/$id'),
  component: lazyRouteComponent(() => import('./requests/RequestPage'), 'RequestPage'),
});
const inbox = createRoute({
  ...below('/inbox'),
  component: lazyRouteComponent(() => import('./requests/Inbox'), 'Inbox'),
});
const newProject = createRoute({
  ...below('/projects/new'),
  component: lazyRouteComponent(() => import('./projects/RequestProject'), 'RequestProject'),
});
const catalog = createRoute({
  ...below('/catalog'),
  validateSearch: ({ q }: Record<string, unknown>): { q?: string } => (typeof q === 'string' && q ? { q } : {}),
  component: lazyRouteComponent(() => import('./catalog/Catalog'), 'Catalog'),
});
const listing = createRoute({
  ...below('/catalog/$id'),
  component: lazyRouteComponent(() => import('./catalog/ListingPage'), 'ListingPage'),
});

/** The app's pages and their addresses. */
export function makeRouter() {
  return createRouter({
    routeTree: root.addChildren([home, requests, request, inbox, newProject, catalog, listing]),
    defaultPendingComponent: () => <Loading what="page" />,
    defaultErrorComponent: ({ error }) => (
      <ProblemAlert problem={error instanceof Error ? error : new Error(String(error))} />
    ),
    defaultNotFoundComponent: NotFound,
    scrollRestoration: true,
  });
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof makeRouter>;
  }
}
