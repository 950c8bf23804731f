import { accessOf } from '../../shared/domain/authorization.ts';
import { PushEnvelope } from '../../shared/domain/event-message.ts';
import { defineFunction } from '../../shared/http/contract.ts';

export default defineFunction({
  name: 'record-event',
  summary: 'Writes events to the audit log, the session history and the usage of licenses.',
  memoryMiB: 256,
  concurrency: 40,
  maxInstances: 20,
  timeoutSeconds: 30,
  roles: ['roles/datastore.user'],
  uses: ['records'],
  endpoints: {
    record: {
      method: 'POST',
      path: '/internal/events',
      summary: 'Record an event.',
      description: 'An event is recorded once, even if it is delivered again or out of order.',
      auth: accessOf('record-event.record'),
      body: PushEnvelope,
      answers: {
        recorded: { status: 204, description: 'The event is recorded and need not be delivered again.' },
      },
      problems: ['EVENT_INVALID'],
    },
  },
});
