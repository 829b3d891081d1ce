import type { Prompt } from "ssh2";
import { promptKindOf } from "./password-prompt";

/**
 * To prompts of one login, as often as OpenSSH asks its user (NumberOfPasswordPrompts): a PAM stack may have
 * several modules.
 */
const MAX_PASSWORD_ANSWERS = 3;

/** What the server asks in keyboard-interactive. */
export interface PromptRequest {
  /** The text above the prompts. */
  readonly instruction: string;
  readonly prompts: readonly Prompt[];
  readonly finish: (answers: string[]) => void;
}

/** Told of prompts that end the login. */
export interface PromptListener {
  /** The password has expired, and is asked for to be changed. */
  readonly onExpired: (prompt: string) => void;
  /** Nothing is answered to these prompts. */
  readonly onUnanswered: (prompts: readonly Prompt[], isForPassword: boolean) => void;
}

/** Answers prompts with the password, a limited number of times in one login. */
export class PromptAnswers {
  readonly #listener: PromptListener;
  #passwordAnswers = 0;

  constructor(listener: PromptListener) {
    this.#listener = listener;
  }

  /** Answers the prompts of one attempt, one request after the other. */
  forAttempt(password: string | undefined): (request: PromptRequest) => void {
    let hasAnswered = false;
    return ({ instruction, prompts, finish }) => {
      const [prompt, ...others] = prompts;
      if (prompt === undefined) return finish([]);
      const kind = promptKindOf(prompt.prompt, instruction, hasAnswered);
      if (kind === "change") return this.#listener.onExpired(prompt.prompt);
      const isForPassword = kind === "password" && prompt.echo !== true && others.length === 0;
      const isTold = this.#passwordAnswers >= MAX_PASSWORD_ANSWERS;
      if (!isForPassword || password === undefined || isTold)
        return this.#listener.onUnanswered(prompts, kind === "password" && others.length === 0);
      hasAnswered = true;
      this.#passwordAnswers += 1;
      finish([password]);
    };
  }
}
