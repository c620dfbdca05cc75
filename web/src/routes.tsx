import { createRootRoute, createRoute, createRouter } from '@tanstack/react-router';
import { RequestProject } from './projects/RequestProject';
import { RequestList } from './requests/RequestList';
import { RequestPage } from './requests/RequestPage';
import { Shell } from './shell/Shell';

const root = createRootRoute({ component: Shell });
const requests = createRoute({ getParentRoute: () => root, path: '/', component: RequestList });
const requestProject = createRoute({ getParentRoute: () => root, path: '/request-project', component: RequestProject });
const request = createRoute({ getParentRoute: () => root, path: '/requests/$id', component: RequestPage });

/** The app's pages and their addresses. */
export function makeRouter() {
  return createRouter({ routeTree: root.addChildren([requests, requestProject, request]) });
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof makeRouter>;
  }
}
