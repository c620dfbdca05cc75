import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import FormField from '@cloudscape-design/components/form-field';
import Modal from '@cloudscape-design/components/modal';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Textarea from '@cloudscape-design/components/textarea';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { api, type MeshRequest, unwrap } from '../api/client';
import { ProblemAlert } from '../shell/ProblemAlert';
import { useShowChanged } from './queries';

type Verb = 'withdraw' | 'retry' | 'revoke';

const VERBS: Record<Verb, { button: string; consequence: string }> = {
  withdraw: { button: 'Withdraw', consequence: 'Nobody decides on it any more. You can ask again later.' },
  retry: { button: 'Try again', consequence: 'It is approved already; what failed is done again.' },
  revoke: { button: 'End access', consequence: 'Queries are refused within seconds.' },
};

/** What I may do with the request now, besides deciding on it; each asks before it is done. */
export function Actions({ request }: { request: MeshRequest }) {
  const [asked, setAsked] = useState<Verb>();
  const close = () => setAsked(undefined);
  return (
    <SpaceBetween direction="horizontal" size="xs">
      {(Object.keys(VERBS) as Verb[])
        .filter((verb) => request.may.includes(verb))
        .map((verb) => (
          <Button key={verb} onClick={() => setAsked(verb)}>
            {VERBS[verb].button}
          </Button>
        ))}
      {asked && <Confirm verb={asked} request={request} onClose={close} />}
    </SpaceBetween>
  );
}

function Confirm({ verb, request, onClose }: { verb: Verb; request: MeshRequest; onClose: () => void }) {
  const showChanged = useShowChanged();
  const [reason, setReason] = useState('');
  const send = useMutation({
    mutationFn: () => act(verb, request.id, reason.trim()),
    onSuccess: (changed) => {
      showChanged(changed);
      onClose();
    },
  });
  const { button, consequence } = VERBS[verb];
  return (
    <Modal
      visible
      onDismiss={onClose}
      header={button}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={onClose}>
              Cancel
            </Button>
            <Button
              variant="primary"
              loading={send.isPending}
              disabled={verb === 'revoke' && !reason.trim()}
              disabledReason="Give a reason first"
              onClick={() => send.mutate()}
            >
              {button}
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      <SpaceBetween size="m">
        {send.error && <ProblemAlert problem={send.error} />}
        <Box variant="p">
          {request.title}. {consequence}
        </Box>
        {verb === 'revoke' && (
          <FormField label="Reason">
            <Textarea value={reason} onChange={({ detail }) => setReason(detail.value)} />
          </FormField>
        )}
      </SpaceBetween>
    </Modal>
  );
}

async function act(verb: Verb, id: string, reason: string): Promise<MeshRequest> {
  const path = { path: { request_id: id } };
  if (verb === 'withdraw') return unwrap(await api.POST('/api/requests/{request_id}/withdraw', { params: path }));
  if (verb === 'retry') return unwrap(await api.POST('/api/requests/{request_id}/retry', { params: path }));
  return unwrap(await api.POST('/api/requests/{request_id}/revoke', { params: path, body: { reason } }));
}
