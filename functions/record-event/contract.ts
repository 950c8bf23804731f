import { accessOf } from '../../shared/domain/authorization.ts';
import { PushEnvelope } from '../../shared/domain/event-message.ts';
import { COMMON_SECRETS, defineFunction } from '../../shared/http/contract.ts';

export default defineFunction({
  name: 'record-event',
  summary: 'Writes events into the audit log, the history of sessions and the usage of licenses.',
  memoryMiB: 256,
  concurrency: 40,
  maxInstances: 20,
  timeoutSeconds: 30,
  roles: ['roles/datastore.user'],
  secrets: COMMON_SECRETS,
  endpoints: {
    record: {
      method: 'POST',
      path: '/internal/events',
      summary: 'Record one event, once, however often and in whatever order it is delivered.',
      auth: accessOf('record-event.record'),
      body: PushEnvelope,
      answers: { recorded: { status: 204, description: 'It is recorded; no need to deliver it again.' } },
      problems: ['EVENT_INVALID'],
    },
  },
});
