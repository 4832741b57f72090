import { expect, test } from 'vitest'

import { type Command, commandOf } from './keys'

const NONE = { shiftKey: false, ctrlKey: false, metaKey: false, altKey: false }

/** The command of a key pressed inside of something that a selector names. */
function press(key: string, focus = '', held: Partial<typeof NONE> = {}): Command | null {
  const parts = (selector: string) => selector.split(',').map((part) => part.trim())
  return commandOf({ key, ...NONE, ...held }, (selector) => parts(selector).includes(focus))
}

test('arrows step, and ten events at once with shift', () => {
  expect(press('ArrowRight')).toEqual({ name: 'step', by: 1 })
  expect(press('ArrowLeft', '', { shiftKey: true })).toEqual({ name: 'step', by: -10 })
  expect(press('End')).toEqual({ name: 'newest' })
})

test.each(['[role=tab]', '[role=radio]', '[role=option]', '[role=separator]', 'input', '[role=dialog]'])(
  '%s keeps its arrows',
  (focus) => {
    for (const key of ['ArrowRight', 'ArrowLeft', 'Home', 'End']) expect(press(key, focus)).toBeNull()
  },
)

test('the space bar presses a button and plays elsewhere', () => {
  expect(press(' ', 'button')).toBeNull()
  expect(press(' ', 'section')).toEqual({ name: 'play' })
})

test('letters go to marks, zoom and search, except where one types', () => {
  expect(press('n', 'button')).toEqual({ name: 'mark', by: 1 })
  expect(press('P', '', { shiftKey: true })).toEqual({ name: 'mark', by: -1 })
  expect(press('+')).toEqual({ name: 'zoom', by: 0.5 })
  expect(press('/')).toEqual({ name: 'search' })
  for (const key of ['n', 'b', 'c', '0', '/']) {
    expect(press(key, 'input')).toBeNull()
    expect(press(key, '', { ctrlKey: true })).toBeNull()
  }
})

test('only Ctrl and Enter go with a modifier', () => {
  expect(press('Enter', '', { ctrlKey: true })).toEqual({ name: 'run' })
  expect(press('ArrowLeft', '', { altKey: true })).toBeNull()
})

test('the key of a menu does not let a paused run go on', () => {
  expect(press('F10')).toEqual({ name: 'proceed', step: true })
  expect(press('F10', 'button', { shiftKey: true })).toBeNull()
})
