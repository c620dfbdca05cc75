import Box from '@cloudscape-design/components/box';

/** The label of a form field that may be left empty. */
export function Optional({ children }: { children: string }) {
  return (
    <>
      {children}{' '}
      <Box variant="span" color="text-body-secondary" fontWeight="normal">
        - optional
      </Box>
    </>
  );
}
