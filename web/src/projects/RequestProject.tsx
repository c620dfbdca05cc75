import BreadcrumbGroup from '@cloudscape-design/components/breadcrumb-group';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import ContentLayout from '@cloudscape-design/components/content-layout';
import Form from '@cloudscape-design/components/form';
import FormField from '@cloudscape-design/components/form-field';
import Header from '@cloudscape-design/components/header';
import Input from '@cloudscape-design/components/input';
import Select from '@cloudscape-design/components/select';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Textarea from '@cloudscape-design/components/textarea';
import Tiles from '@cloudscape-design/components/tiles';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import { ApiProblem, api, type DomainUnit, type Profile, unwrap } from '../api/client';
import { useShowChanged } from '../requests/queries';
import { useFollow } from '../shell/follow';
import { Loading } from '../shell/Loading';
import { Optional } from '../shell/Optional';
import { ProblemAlert } from '../shell/ProblemAlert';
import { usePageTitle } from '../shell/page-title';
import { Parameters } from './Parameters';
import { approvalOf, type Changes } from './parameters';
import { domainUnitsQuery, profilesQuery } from './queries';

/** Asks for a project from one of the profiles. */
export function RequestProject() {
  usePageTitle('Request a project');
  const profiles = useQuery(profilesQuery);
  const units = useQuery(domainUnitsQuery);
  const failed = [profiles, units].find(({ error }) => error);
  if (failed?.error) return <ProblemAlert problem={failed.error} onRetry={() => failed.refetch()} />;
  if (!profiles.data || !units.data) return <Loading what="profiles" />;
  return <ProjectForm profiles={profiles.data} units={units.data} />;
}

function ProjectForm({ profiles, units }: { profiles: Profile[]; units: DomainUnit[] }) {
  const navigate = useNavigate();
  const follow = useFollow();
  const showChanged = useShowChanged();
  const [name, setName] = useState('');
  const [description, setDescription] = useState('');
  const [reason, setReason] = useState('');
  const [unit, setUnit] = useState(units[0]?.name ?? '');
  const [profileName, setProfileName] = useState(profiles[0]?.name ?? '');
  const [changes, setChanges] = useState<Changes>({});
  const [wasSent, setSent] = useState(false);
  const send = useMutation({
    mutationFn: async () => {
      const body = { name: name.trim(), profile: profileName, domain_unit: unit, description, reason: reason.trim() };
      return unwrap(await api.POST('/api/requests/project', { body: { ...body, parameters: changes } }));
    },
    onSuccess: (request) => {
      showChanged(request);
      navigate({ to: '/requests/$id', params: { id: request.id } });
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setSent(true);
    if (name.trim() && reason.trim()) send.mutate();
  };
  const chooseProfile = (chosen: string) => {
    setProfileName(chosen);
    setChanges({});
  };
  const refused = send.error instanceof ApiProblem ? send.error : undefined;
  const missing = (value: string, text: string) => (wasSent && !value.trim() ? text : undefined);
  const profile = profiles.find((candidate) => candidate.name === profileName);
  return (
    <ContentLayout
      breadcrumbs={
        <BreadcrumbGroup
          onFollow={follow}
          items={[
            { text: 'My requests', href: '/requests' },
            { text: 'Request a project', href: '/projects/new' },
          ]}
        />
      }
      header={<Header variant="h1">Request a project</Header>}
    >
      <form onSubmit={submit}>
        <Form
          actions={
            <SpaceBetween direction="horizontal" size="xs">
              <Button variant="link" formAction="none" href="/requests" onFollow={follow}>
                Cancel
              </Button>
              <Button variant="primary" loading={send.isPending}>
                Send request
              </Button>
            </SpaceBetween>
          }
        >
          <SpaceBetween size="l">
            <Container header={<Header variant="h2">Project</Header>}>
              <SpaceBetween size="l">
                <FormField
                  label="Name"
                  constraintText="Letters, digits, spaces, _ and -; at most 64."
                  errorText={missing(name, 'Give the project a name.') ?? refused?.at('name')}
                >
                  <Input value={name} autoFocus onChange={({ detail }) => setName(detail.value)} />
                </FormField>
                <FormField label={<Optional>Description</Optional>} errorText={refused?.at('description')}>
                  <Input value={description} onChange={({ detail }) => setDescription(detail.value)} />
                </FormField>
                <FormField label="Domain unit" description="The part of the organization that the project belongs to.">
                  <Select
                    selectedOption={{ value: unit, label: unit }}
                    options={units.map(({ name, description, mine }) => ({
                      value: name,
                      label: name,
                      description,
                      labelTag: mine ? 'yours' : undefined,
                    }))}
                    onChange={({ detail }) => setUnit(detail.selectedOption.value ?? '')}
                  />
                </FormField>
                <FormField
                  label="Reason"
                  description="What the project is for. Approvers and auditors read it."
                  errorText={missing(reason, 'Say what the project is for.') ?? refused?.at('reason')}
                >
                  <Textarea rows={2} value={reason} onChange={({ detail }) => setReason(detail.value)} />
                </FormField>
              </SpaceBetween>
            </Container>
            <Container header={<Header variant="h2">Profile</Header>}>
              <SpaceBetween size="l">
                <Tiles
                  ariaLabel="Profile"
                  value={profileName}
                  onChange={({ detail }) => chooseProfile(detail.value)}
                  items={profiles.map((candidate) => ({
                    value: candidate.name,
                    label: candidate.name,
                    description: `${candidate.description}. ${approvalOf(candidate)}`,
                  }))}
                />
                {profile && <Parameters profile={profile} changes={changes} onChange={setChanges} />}
              </SpaceBetween>
            </Container>
            {send.error && <ProblemAlert problem={send.error} />}
          </SpaceBetween>
        </Form>
      </form>
    </ContentLayout>
  );
}
