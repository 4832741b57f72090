/** A real server over a workspace of its own, for one test. */
import { type ChildProcess, spawn } from 'node:child_process'
import { cpSync, mkdtempSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const ROOT = resolve(import.meta.dirname, '../..')
const COMMAND = process.env.NEURECTOMY ?? join(ROOT, '.venv/bin/neurectomy')
const TOKEN = 'a-token-for-tests-only'

export class Server {
  private readonly parent: string
  readonly folder: string
  private process: ChildProcess | null = null
  private port = 0

  private constructor(folder?: string) {
    this.parent = folder === undefined ? mkdtempSync(join(tmpdir(), 'neurectomy-e2e-')) : ''
    this.folder = folder ?? join(this.parent, 'stdlib')
  }

  /** Over a folder that stays; see `leave`. */
  static of(folder: string): Server {
    return new Server(folder)
  }

  static withExample(): Server {
    const server = new Server()
    cpSync(join(ROOT, 'examples/stdlib'), server.folder, {
      recursive: true,
      filter: (path) => !path.includes('.neurectomy') && !path.includes('__pycache__'),
    })
    return server
  }

  static with(files: Record<string, string>): Server {
    const server = new Server()
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(join(server.folder, name, '..'), { recursive: true })
      writeFileSync(join(server.folder, name), text)
    }
    return server
  }

  /** Change a file of the workspace. */
  edit(name: string, change: (text: string) => string) {
    const path = join(this.folder, name)
    writeFileSync(path, change(readFileSync(path, 'utf-8')))
  }

  /** Start, or start again at the same port; gives the address that opens the page. */
  async start(): Promise<string> {
    const started = spawn(
      COMMAND,
      ['serve', this.folder, '--port', String(this.port), '--json'],
      { env: { ...process.env, NEURECTOMY_TOKEN: TOKEN }, stdio: ['ignore', 'pipe', 'inherit'] },
    )
    this.process = started
    const address = await new Promise<string>((done, failed) => {
      let said = ''
      started.stdout.on('data', (data: Buffer) => {
        said += data.toString()
        if (said.includes('\n')) done((JSON.parse(said) as { address: string }).address)
      })
      started.on('exit', (code) => failed(new Error(`the server ended with ${code}: ${said}`)))
    })
    this.port = Number(new URL(address).port)
    return address
  }

  /** End the process at once, as a crash would. */
  async kill(): Promise<void> {
    const ended = new Promise((done) => this.process?.on('exit', done))
    this.process?.kill('SIGKILL')
    await ended
  }

  /** End the process in order, and keep the folder. */
  async leave(): Promise<void> {
    const ended = new Promise((done) => this.process?.on('exit', done))
    this.process?.kill('SIGTERM')
    await ended
  }

  async stop(): Promise<void> {
    if (this.process?.exitCode === null && this.process.signalCode === null) await this.kill()
    rmSync(this.parent, { recursive: true, force: true })
  }
}
