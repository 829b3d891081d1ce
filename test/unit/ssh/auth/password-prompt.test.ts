import fc from "fast-check";
import { promptKindOf } from "../../../../provider/ssh/auth/password-prompt";

const kindOf = (prompt: string, instruction = "", hasAnswered = false) =>
  promptKindOf(prompt, instruction, hasAnswered);

describe("a prompt", () => {
  it.each([
    "Password: ",
    "Password:",
    "password",
    "(root@hv1) Password: ",
    "root@hv1's password: ",
    "root’s password:",
    "LDAP Password: ",
    "UNIX password: ",
    "Password for root@hv1.example:",
    "Password for root@EXAMPLE.COM: ",
    "Enter your password: ",
    "Please enter the password:",
    // Linux-PAM in other languages
    "Passwort: ",
    "Mot de passe : ",
    "Mot de passe\u00a0: ",
    "Contraseña: ",
    "Contrasen\u0303a: ",
    "Пароль: ",
    "パスワード:",
    "密码： ",
    "ពាក្យសម្ងាត់\u00a0៖ ",
  ])("that is %j is for the password", (prompt) => {
    expect(kindOf(prompt)).toBe("password");
    // a second module of a PAM stack asks the same
    expect(kindOf(prompt, "", true)).toBe("password");
  });

  it.each([
    "Verification code: ",
    "Password & verification code: ",
    "One-time password (OATH) for `root': ",
    "One time password: ",
    "OTP: ",
    "OTP password:",
    "Password+OTP:",
    "Password code: ",
    "Token: ",
    "Enter PASSCODE: ",
    "Enter your PIN: ",
    "PIN: ",
    "First Factor: ",
    "Second Factor (optional): ",
    "Passcode or option (1-3): ",
    "Duo two-factor login for root",
    "YubiKey for `root': ",
    "Challenge 123456, response: ",
    "Enter passphrase for key '/root/.ssh/id': ",
    "Username: ",
    "Password hint: ",
    "Password of your bank:",
    "Forgot your password?",
    "",
    ":",
  ])("that is %j is for something else", (prompt) => {
    expect(kindOf(prompt)).toBe("other");
    expect(kindOf(prompt, "", true)).not.toBe("password");
  });

  it.each([
    ["New password: "],
    ["Current password: "],
    ["(current) UNIX password: "],
    ["Old Password: "],
    ["Enter new UNIX password: "],
    ["Retype new password: "],
    ["Re-enter new password: "],
    ["(root@hv1) New password: "],
  ])("that is %j is for a password to be changed", (prompt) => {
    expect(kindOf(prompt)).toBe("change");
  });

  it.each([["Geben Sie das aktuelle Passwort ein: "], ["Nouveau mot de passe\u00a0: "], ["新的密码： "]])(
    "that is %j after the password is for a password to be changed",
    (prompt) => {
      expect(kindOf(prompt, "", true)).toBe("change");
      expect(kindOf(prompt)).toBe("other");
    },
  );

  it("below words of an expired password is for a password to be changed", () => {
    const words = "You are required to change your password immediately (password expired).";
    expect(kindOf("Password: ", words)).toBe("change");
    expect(kindOf("Password: ", "Password expired. Change your password now.")).toBe("change");
    expect(kindOf("Password: ", "Welcome to hv1")).toBe("password");
    for (const words of [
      "To change your password, visit https://idm.example",
      "If you need to change your password, call 117.",
      "Warning: your password will expire in 3 days.",
    ])
      expect(kindOf("Password: ", words)).toBe("password");
  });

  it("takes no time to speak of when it is made to be slow", () => {
    const startedAt = Date.now();
    for (const prompt of ["system ".repeat(20_000), "a's ".repeat(40_000), " (".repeat(60_000)])
      expect(kindOf(`${prompt}password`)).not.toBe("password");
    expect(Date.now() - startedAt).toBeLessThan(1000);
  });

  it("of any other words is never for the password", () => {
    fc.assert(
      fc.property(fc.string(), fc.boolean(), (prompt, hasAnswered) => {
        fc.pre(!/pass|\p{L}{3}/iu.test(prompt));
        expect(kindOf(prompt, "", hasAnswered)).toBe("other");
      }),
    );
  });
});
