/** What a host asks for by a prompt of keyboard-interactive. */
export type PromptKind =
  /** The password of the login. */
  | "password"
  /** A password to be changed: the one that there is, or a new one. */
  | "change"
  /** Something else: a code, a token, an answer that no password is. */
  | "other";

/** `Password: ` as Linux-PAM 1.5.2 asks it in its 54 languages (po/*.po), in lower case, without colon. */
const PASSWORD_WORDS: ReadonlySet<string> = new Set(
  (
    "adgangskode|contrasenya|contraseña|contrasigno|focal faire|hasło|heslo|iphasiwedi|jelszó|lozinka|" +
    "lösenord|mot de passe|mật khẩu|palavra-passe|parola|parolă|parool|pasahitza|passord|passwort|pasvorto|" +
    "salasana|sandi|senha|wachtwoord|şifrə|лозинка|парола|пароль|ססמה|كلمة السر|गुप्तशब्द|शब्दकूट|গুপ্তশব্দ|" +
    "পাসওয়ার্ড|ਪਾਸਵਰਡ|પાસવર્ડ|ପ୍ରବେଶ ସଙ୍କେତ|கடவுச்சொல்|సంకేతపదము|ಗುಪ್ತಪದ|അടയാളവാക്ക്|රහස්පදය|პაროლი|" +
    "ពាក្យសម្ងាត់|パスワード|密码|密碼|암호"
  ).split("|"),
);

/**
 * `Password`, `LDAP Password`, `Password for root@hv1`, `root@hv1's password`, `Enter your password`: what
 * OpenSSH, Linux-PAM, pam_ldap, pam_krb5, sssd, FreeBSD and macOS ask.
 */
const ENGLISH =
  /^(?:please )?(?:enter |type )?(?:the |your )?(?:\S+['\u2019]s )?(?:(?:unix|ldap|kerberos|krb5|domain|windows|login|account|local|user|system) ){0,2}password(?: for \S+)?$/;

/** A word for what lives for one login only; with any of these a prompt is never for the password. */
const CODE = /one[- ]?time|\botp\b|token|code|\bpin\b|factor|verif|challenge|response|\bkey\b|secret|&|\+/;

/** A question is short; nothing longer is read. */
const LONGEST_QUESTION = 200;

const CHANGE = /\b(?:new|current|old|retype|re-?enter|again|repeat|confirm|change|expired)\b/;

/** What the words around a prompt say of a password that has expired (Linux-PAM, pam_unix and sssd). */
const EXPIRED =
  /password (?:has |is )?expired|expired password|(?<!\bif )you (?:are required to|have to|must|need to) change your password|change your password (?:now|immediately)/i;

/**
 * What a prompt asks for.
 *
 * A password is told to nothing but a prompt that asks for it and for nothing else; whoever is asked for a
 * code is not helped by it, and whoever is asked in words that are not known here has to use a key. OpenSSH's
 * client leaves that to its user; `sshpass` goes by "assword:".
 *
 * @param instruction the text above the prompt
 * @param hasAnswered a password was told in this attempt already: what asks for another one wants it changed
 */
export function promptKindOf(prompt: string, instruction: string, hasAnswered: boolean): PromptKind {
  if (prompt.length > LONGEST_QUESTION) return "other";
  const text = prompt
    .normalize("NFC")
    .toLowerCase()
    // OpenSSH's client puts this before a prompt, and so may a server
    .replace(/^\s*\([^()\s]+@[^()\s]+\)\s+/, "")
    .replace(/[\s:\uff1a\u17d6>]+$/u, "")
    .trim();
  if (CODE.test(text)) return "other";
  if (EXPIRED.test(instruction.slice(0, 10 * LONGEST_QUESTION))) return "change";
  if (PASSWORD_WORDS.has(text) || ENGLISH.test(text)) return "password";
  if (text.includes("password") && CHANGE.test(text)) return "change";
  const isOfPassword = text.includes("password") || [...PASSWORD_WORDS].some((word) => text.includes(word));
  return isOfPassword && hasAnswered ? "change" : "other";
}
