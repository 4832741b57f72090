/** State from patches; the same few lines as `neurectomy.timeline.fold`, checked by shared vectors. */

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }
type Key = string | number
export type Operation =
  | ['set', Key[], Json]
  | ['del', Key[]]
  | ['add', Key[], Json]
  | ['put', Key[], string]
  | ['app', Key[], string]

/** Apply a patch in place and give the state, which is a new one where the patch replaces it. */
export function fold(state: Json, patch: Operation[], data: Record<string, Json>): Json {
  for (const operation of patch) {
    const [kind, path] = operation
    if (kind === 'set' || kind === 'put') {
      const value = kind === 'set' ? operation[2] : (data[operation[2]] as Json)
      if (path.length === 0) state = value
      else write(parent(state, path), path[path.length - 1] as Key, value)
    } else if (kind === 'del') {
      const holder = parent(state, path) as Record<string, Json>
      delete holder[path[path.length - 1] as string]
    } else {
      const value = kind === 'add' ? operation[2] : (data[operation[2]] as Json)
      const list = at(state, path)
      if (Array.isArray(list)) list.push(value)
      else {
        const chunked = list as { tail: Json[]; count: number }
        chunked.tail.push(value)
        chunked.count += 1
      }
    }
  }
  return state
}

function at(state: Json, path: Key[]): Json {
  let node = state
  for (const key of path) node = (node as Record<Key, Json>)[key] as Json
  return node
}

const parent = (state: Json, path: Key[]) => at(state, path.slice(0, -1))

function write(holder: Json, key: Key, value: Json) {
  ;(holder as Record<Key, Json>)[key] = value
}
