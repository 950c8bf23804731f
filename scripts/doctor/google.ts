import * as z from 'zod/mini';
import { type Answer, type Answers, NoAnswer } from './answers.ts';
import { unknown } from './finding.ts';

/** Asks an API of Google with the operator's credentials. `role` includes the permission that the call needs. */
export type AskGoogle = (url: string, role: string) => Promise<Answer>;

/** https://docs.cloud.google.com/apis/design/errors#error_model; `reason` is that of an ErrorInfo. */
const Refusal = z.object({
  error: z.object({
    details: z.optional(z.array(z.object({ reason: z.optional(z.string()) }))),
  }),
});

/**
 * Every call names the project that pays for it: APIs refuse the credentials of a user otherwise
 * (https://docs.cloud.google.com/docs/authentication/troubleshoot-adc#user-creds-client-based).
 */
export function googleAsker(
  answers: Answers,
  accessToken: string,
  project: string,
  signal: AbortSignal,
): AskGoogle {
  return async (url, role) => {
    const headers = { authorization: `Bearer ${accessToken}`, 'x-goog-user-project': project };
    const answer = await answers({ url, headers }, signal);
    const { host } = new URL(url);
    if (answer.status === 401)
      throw new NoAnswer(
        unknown(`${host} refuses your credentials.`, 'gcloud auth application-default login'),
      );
    if (answer.status === 403) throw refusal(answer, host, role, project);
    if (answer.status === 429 || answer.status >= 500)
      throw new NoAnswer(unknown(`${host} answers ${answer.status}.`, 'Run this again in a minute.'));
    return answer;
  };
}

function refusal(answer: Answer, host: string, role: string, project: string): NoAnswer {
  const details = z.safeParse(Refusal, answer.body).data?.error.details ?? [];
  const reason = details.find((detail) => detail.reason !== undefined)?.reason;
  if (reason === 'SERVICE_DISABLED')
    return new NoAnswer(
      unknown(`The API ${host} is not enabled.`, `gcloud services enable ${host} --project=${project}`),
      reason,
    );
  if (reason === 'USER_PROJECT_DENIED')
    return new NoAnswer(
      unknown(
        `The project ${project} does not exist, or you may not use it.`,
        `Correct gcp:project, or let an owner of the project grant you roles/serviceusage.serviceUsageConsumer.`,
      ),
      reason,
    );
  return new NoAnswer(
    unknown(`You may not read this (${host}).`, `Let an owner of the project grant you ${role}.`),
    reason,
  );
}

/** The body of an answer, or `undefined` if the resource does not exist. Throws `NoAnswer` for anything else. */
export function found<S extends z.ZodMiniType>(shape: S, answer: Answer): z.output<S> | undefined {
  if (answer.status === 404) return undefined;
  return read(shape, answer);
}

/** The body of a successful answer. Throws `NoAnswer` if it has another form. */
export function read<S extends z.ZodMiniType>(shape: S, { status, body }: Answer): z.output<S> {
  const { data } = z.safeParse(shape, status === 200 ? body : undefined);
  if (data !== undefined) return data;
  throw new NoAnswer(
    unknown(`The answer has an unknown form (${status}).`, 'Check it by hand: this program is too old.'),
  );
}
