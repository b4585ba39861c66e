// Who is signed in: a server that has tokens wants one with every request.
import { connection } from '../api/client'
import { getServer } from '../api/collections'
import { asApiError, type ApiError } from '../api/errors'
import type { ServerFacts } from '../api/types'

const KEY = 'eidetic.token'

class Session {
  token = $state(sessionStorage.getItem(KEY) ?? localStorage.getItem(KEY) ?? '')
  /** The server wants a token, or another one. */
  wanted = $state(false)
  /** Why the last token was not taken. */
  refusal = $state('')
  facts = $state<ServerFacts>()
  /** Why it is not known what the server is. */
  error = $state<ApiError>()

  constructor() {
    connection.token = this.token
    connection.refused = (error) => {
      this.refusal = this.token ? error.detail : ''
      this.wanted = true
    }
  }

  /** Asks the server what it is and who we are to it. */
  async open(): Promise<void> {
    try {
      this.facts = await getServer()
      this.wanted = false
      this.error = undefined
    } catch (thrown) {
      this.error = asApiError(thrown)
    }
  }

  /** `remember`: on this machine, also when the browser has been closed. */
  async signIn(token: string, remember: boolean): Promise<void> {
    this.forget()
    this.token = connection.token = token
    await this.open()
    if (this.error) return
    ;(remember ? localStorage : sessionStorage).setItem(KEY, token)
  }

  signOut(): void {
    this.forget()
    this.token = connection.token = ''
    this.facts = undefined
    this.refusal = ''
    void this.open()
  }

  private forget(): void {
    sessionStorage.removeItem(KEY)
    localStorage.removeItem(KEY)
  }
}

export const session = new Session()
