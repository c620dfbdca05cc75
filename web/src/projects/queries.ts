import { queryOptions } from '@tanstack/react-query';
import { api, unwrap } from '../api/client';

/** The profiles that projects are made from. */
export const profilesQuery = queryOptions({
  queryKey: ['profiles'],
  queryFn: async () => unwrap(await api.GET('/api/profiles')).items,
});

/** The domain units, mine first. */
export const domainUnitsQuery = queryOptions({
  queryKey: ['domain-units'],
  queryFn: async () =>
    unwrap(await api.GET('/api/domain-units')).items.toSorted((one, other) => Number(other.mine) - Number(one.mine)),
});

/** The projects I am in. */
export const projectsQuery = queryOptions({
  queryKey: ['projects'],
  queryFn: async () => unwrap(await api.GET('/api/projects')).items,
});
