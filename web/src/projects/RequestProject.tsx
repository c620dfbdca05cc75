import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import ContentLayout from '@cloudscape-design/components/content-layout';
import Form from '@cloudscape-design/components/form';
import FormField from '@cloudscape-design/components/form-field';
import Header from '@cloudscape-design/components/header';
import Icon from '@cloudscape-design/components/icon';
import Input from '@cloudscape-design/components/input';
import Select from '@cloudscape-design/components/select';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Spinner from '@cloudscape-design/components/spinner';
import Table from '@cloudscape-design/components/table';
import Textarea from '@cloudscape-design/components/textarea';
import Tiles from '@cloudscape-design/components/tiles';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { api, type DomainUnit, type Profile, unwrap } from '../api/client';
import { ProblemAlert } from '../shell/ProblemAlert';

/** Asks for a project from one of the profiles. What the profile locks is shown as locked. */
export function RequestProject() {
  const profiles = useQuery({
    queryKey: ['profiles'],
    queryFn: async () => unwrap(await api.GET('/api/profiles')).items,
  });
  const units = useQuery({
    queryKey: ['domain-units'],
    queryFn: async () => unwrap(await api.GET('/api/domain-units')).items,
  });
  const problem = profiles.error ?? units.error;
  if (problem) return <ProblemAlert problem={problem} />;
  if (!profiles.data || !units.data) return <Spinner size="large" />;
  return <ProjectForm profiles={profiles.data} units={units.data} />;
}

function ProjectForm({ profiles, units }: { profiles: Profile[]; units: DomainUnit[] }) {
  const navigate = useNavigate();
  const [name, setName] = useState('');
  const [profileName, setProfileName] = useState(profiles[0]?.name ?? '');
  const [unit, setUnit] = useState(units[0]?.name ?? '');
  const [reason, setReason] = useState('');
  const [asked, setAsked] = useState(false);
  const send = useMutation({
    mutationFn: async () =>
      unwrap(
        await api.POST('/api/requests/project', {
          body: { name: name.trim(), profile: profileName, domain_unit: unit, reason: reason.trim() },
        }),
      ),
    onSuccess: (request) => navigate({ to: '/requests/$id', params: { id: request.id } }),
  });
  const nameError = asked && !name.trim() ? 'Give the project a name.' : undefined;
  const reasonError = asked && !reason.trim() ? 'Say what the project is for: approvers and auditors read it.' : undefined;
  const submit = () => {
    setAsked(true);
    if (name.trim() && reason.trim()) send.mutate();
  };
  const profile = profiles.find((candidate) => candidate.name === profileName);
  return (
    <ContentLayout header={<Header variant="h1">Request a project</Header>}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        <Form
          errorText={send.error ? undefined : null}
          actions={
            <SpaceBetween direction="horizontal" size="xs">
              <Button variant="link" formAction="none" onClick={() => navigate({ to: '/' })}>
                Cancel
              </Button>
              <Button variant="primary" loading={send.isPending}>
                Send request
              </Button>
            </SpaceBetween>
          }
        >
          <SpaceBetween size="l">
            {send.error && <ProblemAlert problem={send.error} />}
            <Container header={<Header variant="h2">Project</Header>}>
              <SpaceBetween size="l">
                <FormField label="Name" errorText={nameError} constraintText="Letters, digits, spaces, _ and -; at most 64.">
                  <Input value={name} onChange={({ detail }) => setName(detail.value)} />
                </FormField>
                <FormField label="Domain unit">
                  <Select
                    selectedOption={{ value: unit, label: unit }}
                    options={units.map((candidate) => ({
                      value: candidate.name,
                      label: candidate.name,
                      description: candidate.description,
                    }))}
                    onChange={({ detail }) => setUnit(detail.selectedOption.value ?? '')}
                  />
                </FormField>
                <FormField label="Reason" errorText={reasonError}>
                  <Textarea value={reason} onChange={({ detail }) => setReason(detail.value)} />
                </FormField>
              </SpaceBetween>
            </Container>
            <Container header={<Header variant="h2">Profile</Header>}>
              <SpaceBetween size="l">
                <Tiles
                  ariaLabel="Profile"
                  value={profileName}
                  onChange={({ detail }) => setProfileName(detail.value)}
                  items={profiles.map((candidate) => ({
                    value: candidate.name,
                    label: candidate.name,
                    description: candidate.description,
                  }))}
                />
                {profile && <Parameters profile={profile} />}
              </SpaceBetween>
            </Container>
          </SpaceBetween>
        </Form>
      </form>
    </ContentLayout>
  );
}

function Parameters({ profile }: { profile: Profile }) {
  return (
    <Table
      variant="embedded"
      items={profile.parameters}
      trackBy={(item) => `${item.environment}/${item.name}`}
      header={<Header variant="h3">What the profile sets</Header>}
      empty={<Box>This profile sets nothing.</Box>}
      columnDefinitions={[
        { id: 'environment', header: 'Environment', cell: (item) => item.environment },
        { id: 'name', header: 'Parameter', isRowHeader: true, cell: (item) => item.name },
        { id: 'value', header: 'Value', cell: (item) => item.value },
        {
          id: 'locked',
          header: 'Locked',
          cell: (item) =>
            item.editable ? (
              'No'
            ) : (
              <>
                <Icon name="lock-private" /> Yes
              </>
            ),
        },
      ]}
    />
  );
}
