import { keepPreviousData, queryOptions } from '@tanstack/react-query';
import { api, unwrap } from '../api/client';

/** What is published and has the text in its name, description or columns. */
export const searchQuery = (text: string) =>
  queryOptions({
    queryKey: ['catalog', 'search', text],
    queryFn: async () => unwrap(await api.GET('/api/catalog', { params: { query: { q: text } } })).items,
    placeholderData: keepPreviousData,
  });

export const listingQuery = (id: string) =>
  queryOptions({
    queryKey: ['catalog', 'listing', id],
    queryFn: async () => unwrap(await api.GET('/api/catalog/{listing_id}', { params: { path: { listing_id: id } } })),
  });

/** What each level of classification means for who asks. */
export const classificationQuery = queryOptions({
  queryKey: ['classification'],
  queryFn: async () => unwrap(await api.GET('/api/classification')),
  staleTime: 60_000,
});
