import type { AuditEvent } from '../../../sdk/src/api.ts';
import { Moment } from '../ui/moment.tsx';
import { Shortened } from '../ui/shortened.tsx';
import { actorOf, detailOf, EVENT_LABELS, type MemberNames, subjectOf } from './labels.ts';

interface EventTableProps {
  readonly events: readonly AuditEvent[];
  readonly names: MemberNames;
}

export function EventTable({ events, names }: EventTableProps) {
  return (
    <div class="table-frame">
      <table class="cards events">
        <caption class="sr-only">Events, newest first</caption>
        <thead>
          <tr>
            <th scope="col">Event</th>
            <th scope="col">Time</th>
            <th scope="col">By</th>
            <th scope="col">License</th>
            <th scope="col">Session</th>
            <th scope="col">Seal no.</th>
          </tr>
        </thead>
        <tbody>
          {events.map((event) => (
            <tr key={event.event_id}>
              <th scope="row">
                {EVENT_LABELS[event.type]}
                <span class="second-line">{detailOf(event)}</span>
              </th>
              <td data-label="Time">
                <Moment at={event.at} />
              </td>
              <td data-label="By">
                <div>
                  {actorOf(event, names)}
                  {event.subject !== null && (
                    <span class="second-line">
                      about <Shortened text={subjectOf(event, names)} label="Subject" />
                    </span>
                  )}
                </div>
              </td>
              <td data-label="License">
                {event.license_id === null ? '–' : <Shortened text={event.license_id} label="License" />}
              </td>
              <td data-label="Session">
                <div>
                  {event.session_id === null ? '–' : <Shortened text={event.session_id} label="Session" />}
                  {event.holder !== undefined && (
                    <span class="second-line">
                      holder <Shortened text={event.holder} label="Pseudonym" />
                    </span>
                  )}
                </div>
              </td>
              <td data-label="Seal no.">
                {event.seq === null ? <span class="quiet">not sealed yet</span> : event.seq}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
