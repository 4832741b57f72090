/** Calls of the server's operations; a failure is a Problem with its hint. */

export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly hint: string,
  ) {
    super(message)
  }
}

export async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  let response: Response
  try {
    response = await fetch(path, {
      method,
      headers: body === undefined ? {} : { 'content-type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
    })
  } catch {
    throw new Problem(0, 'unreachable', 'The server does not answer.', 'Start it again.')
  }
  if (!response.ok) {
    const told = (await response.json().catch(() => ({}))) as Record<string, string>
    const text = told.detail ?? `The server answered ${response.status}.`
    throw new Problem(response.status, told.code ?? 'error', text, told.hint ?? '')
  }
  return (response.status === 204 ? undefined : await response.json()) as T
}

export const get = <T>(path: string) => call<T>('GET', path)
export const post = <T>(path: string, body?: unknown) => call<T>('POST', path, body ?? {})
