import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import Form from '@cloudscape-design/components/form';
import FormField from '@cloudscape-design/components/form-field';
import Header from '@cloudscape-design/components/header';
import Input from '@cloudscape-design/components/input';
import Multiselect from '@cloudscape-design/components/multiselect';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Textarea from '@cloudscape-design/components/textarea';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { api, type MeshRequest, unwrap } from '../api/client';
import { Optional } from '../shell/Optional';
import { ProblemAlert } from '../shell/ProblemAlert';
import { columnsOf } from './facts';
import { useShowChanged } from './queries';

/** Approve or reject; who approves access to data may narrow it to some rows and columns. */
export function Decide({ request }: { request: MeshRequest }) {
  const showChanged = useShowChanged();
  const [comment, setComment] = useState('');
  const [rowFilter, setRowFilter] = useState('');
  const [hidden, setHidden] = useState<string[]>([]);
  const [isCommentMissing, setCommentMissing] = useState(false);
  const send = useMutation({
    mutationFn: async (verb: 'approve' | 'reject') => {
      const params = { path: { request_id: request.id } };
      const said = comment.trim();
      if (verb === 'reject') {
        return unwrap(await api.POST('/api/requests/{request_id}/reject', { params, body: { comment: said } }));
      }
      const body = { comment: said || null, row_filter: rowFilter.trim() || null, hidden_columns: hidden };
      return unwrap(await api.POST('/api/requests/{request_id}/approve', { params, body }));
    },
    onSuccess: showChanged,
  });
  const decide = (verb: 'approve' | 'reject') => {
    setCommentMissing(verb === 'reject' && !comment.trim());
    if (verb === 'approve' || comment.trim()) send.mutate(verb);
  };
  const isSending = (verb: 'approve' | 'reject') => send.isPending && send.variables === verb;
  const columns = columnsOf(request);
  return (
    <Container header={<Header variant="h2">Your decision</Header>}>
      <form onSubmit={(event) => event.preventDefault()}>
        <Form
          actions={
            <SpaceBetween direction="horizontal" size="xs">
              <Button formAction="none" loading={isSending('reject')} onClick={() => decide('reject')}>
                Reject
              </Button>
              <Button variant="primary" loading={isSending('approve')} onClick={() => decide('approve')}>
                Approve
              </Button>
            </SpaceBetween>
          }
        >
          <SpaceBetween size="l">
            {send.error && <ProblemAlert problem={send.error} />}
            <FormField
              label="Comment"
              description="The requester and the audit see it."
              errorText={isCommentMissing && 'Say why you reject it.'}
            >
              <Textarea rows={2} value={comment} onChange={({ detail }) => setComment(detail.value)} />
            </FormField>
            {columns.length > 0 && (
              <SpaceBetween size="l">
                <FormField
                  label={<Optional>Row filter</Optional>}
                  description="An SQL condition; only rows for which it holds are shown."
                  constraintText={`Columns: ${columns.join(', ')}.`}
                >
                  <Input
                    value={rowFilter}
                    spellcheck={false}
                    autoComplete={false}
                    onChange={({ detail }) => setRowFilter(detail.value)}
                  />
                </FormField>
                <FormField
                  label={<Optional>Hidden columns</Optional>}
                  description="Not shown, whatever the query asks for."
                >
                  <Multiselect
                    placeholder="None"
                    options={columns.map((name) => ({ value: name, label: name }))}
                    selectedOptions={hidden.map((name) => ({ value: name, label: name }))}
                    onChange={({ detail }) => setHidden(detail.selectedOptions.flatMap(({ value }) => value ?? []))}
                  />
                </FormField>
              </SpaceBetween>
            )}
          </SpaceBetween>
        </Form>
      </form>
    </Container>
  );
}
