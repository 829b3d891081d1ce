import type { Expander, OpensshValues } from "./openssh-values";
import { expandTokens, splitCommand, type TokenValues } from "./tokens";

/** A KnownHostsCommand: run for each question anew, without a shell. */
export interface KnownHostsCommand {
  /** As written; the tokens of the words behind the first are replaced when it is run. */
  readonly argv: readonly string[];
  /** Without those that depend on the question. */
  readonly tokens: TokenValues;
}

/** What OpenSSH's configuration says of how a host shows which host it is, beside its user's known_hosts. */
export interface HostKeyRules {
  /** In place of the system's known_hosts files; as written, since OpenSSH replaces nothing in them. */
  readonly globalKnownHostsFiles?: readonly string[];
  readonly knownHostsCommand?: KnownHostsCommand;
  /** Files with keys that no host may show: lists of keys, or KRLs. */
  readonly revokedHostKeys?: readonly string[];
  /** Signature algorithms that may be asked for, best first. */
  readonly algorithms?: readonly string[];
  /** The fewest bits that an RSA key may have. */
  readonly requiredRsaBits?: number;
  /** Whether what is known of the host's address has to agree with the key too. */
  readonly isAddressChecked?: boolean;
}

/** Stand for what is only known when the command is run: %H and so on. */
const TOKENS_OF_QUESTION: TokenValues = { H: "", I: "", t: "", f: "", K: "" };

/** Reads {@link HostKeyRules} from what `ssh -G` prints. */
export function hostKeyRulesOf(values: OpensshValues, expander: Expander): HostKeyRules {
  const algorithms = values.list("hostkeyalgorithms");
  const requiredRsaBits = values.number("requiredrsasize");
  const revokedHostKeys = expander.paths(
    "RevokedHostKeys",
    values.paths("revokedhostkeys").filter((path) => path !== "none"),
  );
  const globalKnownHostsFiles = values.paths("globalknownhostsfile");
  const knownHostsCommand = commandOf(values.firstOrNone("knownhostscommand"), expander);
  return {
    ...(globalKnownHostsFiles.length > 0 && { globalKnownHostsFiles }),
    ...(knownHostsCommand !== undefined && { knownHostsCommand }),
    ...(revokedHostKeys.length > 0 && { revokedHostKeys }),
    ...(algorithms !== undefined && { algorithms }),
    ...(requiredRsaBits !== undefined && { requiredRsaBits }),
    ...(values.isOn("checkhostip") && { isAddressChecked: true }),
  };
}

function commandOf(written: string | undefined, expander: Expander): KnownHostsCommand | undefined {
  const keyword = "KnownHostsCommand";
  if (written === undefined) return undefined;
  const argv = splitCommand(written);
  const [program = ""] = argv ?? [];
  if (argv === undefined) return expander.refuse(keyword, `its ${keyword} has a quote that is not closed`);
  if (!program.startsWith("/"))
    return expander.refuse(keyword, `its ${keyword} does not begin with an absolute path`);
  const tokens = { ...TOKENS_OF_QUESTION, ...expander.tokens };
  for (const word of argv.slice(1)) {
    const expansion = expandTokens(word, tokens, expander.environment);
    if ("problem" in expansion)
      return expander.refuse(keyword, `its ${keyword} has "${word}", and ${expansion.problem}`);
  }
  return { argv, tokens: expander.tokens };
}
