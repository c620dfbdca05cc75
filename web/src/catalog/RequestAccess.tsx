import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import DatePicker from '@cloudscape-design/components/date-picker';
import FormField from '@cloudscape-design/components/form-field';
import Modal from '@cloudscape-design/components/modal';
import Select from '@cloudscape-design/components/select';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Textarea from '@cloudscape-design/components/textarea';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { api, type Listing, unwrap } from '../api/client';
import { projectsQuery } from '../projects/queries';
import { useShowChanged } from '../requests/queries';
import { Optional } from '../shell/Optional';
import { ProblemAlert } from '../shell/ProblemAlert';
import { classificationQuery } from './queries';

const FOR_ME = { value: '', label: 'Me' };

/** Asks for access, for me or for one of my projects, with a reason and an end. */
export function RequestAccess({ listing, onClose }: { listing: Listing; onClose: () => void }) {
  const navigate = useNavigate();
  const showChanged = useShowChanged();
  const projects = useQuery(projectsQuery);
  const classification = useQuery(classificationQuery);
  const [whom, setWhom] = useState('');
  const [reason, setReason] = useState('');
  const [endsOn, setEndsOn] = useState('');
  const [isReasonMissing, setReasonMissing] = useState(false);
  const send = useMutation({
    mutationFn: async () => {
      const body = { listing_id: listing.listing_id, reason: reason.trim() };
      return unwrap(
        await api.POST('/api/requests/subscription', {
          body: { ...body, ends_on: endsOn || null, project_id: whom || null },
        }),
      );
    },
    onSuccess: (request) => {
      showChanged(request);
      navigate({ to: '/requests/$id', params: { id: request.id } });
    },
  });
  const submit = () => {
    setReasonMissing(!reason.trim());
    if (reason.trim()) send.mutate();
  };
  const level = classification.data?.levels.find(({ name }) => name === listing.classification);
  const options = [FOR_ME, ...(projects.data ?? []).map(({ id, name }) => ({ value: id, label: `Project ${name}` }))];
  return (
    <Modal
      visible
      onDismiss={onClose}
      header={`Request access to ${listing.name}`}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={onClose}>
              Cancel
            </Button>
            <Button variant="primary" loading={send.isPending} onClick={submit}>
              Send request
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      <SpaceBetween size="l">
        {send.error && <ProblemAlert problem={send.error} />}
        <FormField label="For" description="Access for a project serves all its members.">
          <Select
            options={options}
            selectedOption={options.find(({ value }) => value === whom) ?? FOR_ME}
            onChange={({ detail }) => setWhom(detail.selectedOption.value ?? '')}
          />
        </FormField>
        <FormField
          label="Reason"
          description="Who decides and who audits reads it."
          errorText={isReasonMissing && 'Say what you need it for.'}
        >
          <Textarea rows={3} value={reason} onChange={({ detail }) => setReason(detail.value)} />
        </FormField>
        <FormField
          label={<Optional>Last day</Optional>}
          constraintText={
            level && `At most ${level.max_days} days for ${level.name} data; empty: as long as it may be.`
          }
        >
          <DatePicker
            value={endsOn}
            placeholder="YYYY/MM/DD"
            isDateEnabled={(day) => day.getTime() > Date.now()}
            onChange={({ detail }) => setEndsOn(detail.value)}
          />
        </FormField>
      </SpaceBetween>
    </Modal>
  );
}
