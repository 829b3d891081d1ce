import ts from "typescript";
import { readText } from "./markdown";

/** One field of an interface or a class, as its source has it. */
export interface DeclaredField {
  readonly isOptional: boolean;
  /** Text of the comment, on one line. */
  readonly comment: string;
}

/** What a source declares under one name. */
export interface Declared {
  /** Text of the comment, on one line. */
  readonly comment: string;
  readonly fields: ReadonlyMap<string, DeclaredField>;
}

/** Every interface and class of the files, by name. */
export function readDeclared(files: readonly string[]): Map<string, Declared> {
  const found = new Map<string, Declared>();
  for (const file of files) {
    const source = ts.createSourceFile(file, readText(file), ts.ScriptTarget.ES2022, true);
    source.forEachChild((node) => {
      if (!ts.isInterfaceDeclaration(node) && !ts.isClassDeclaration(node)) return;
      const members: readonly ts.Node[] = node.members;
      const fields = members.filter((one) => ts.isPropertySignature(one) || ts.isPropertyDeclaration(one));
      found.set(node.name?.text ?? "", {
        comment: commentOf(node),
        fields: new Map(
          fields.map((one) => [
            one.name.getText(source),
            { isOptional: one.questionToken !== undefined, comment: commentOf(one) },
          ]),
        ),
      });
    });
  }
  return found;
}

/** The text up to the first full stop that a blank or the end follows. */
export function firstSentence(text: string): string {
  return /^.*?\.(?= |$)/.exec(text)?.[0] ?? text;
}

function commentOf(node: ts.Node): string {
  const docs = ts.getJSDocCommentsAndTags(node).filter(ts.isJSDoc);
  const text = docs.map((one) => ts.getTextOfJSDocComment(one.comment) ?? "").join(" ");
  return text.replace(/\s+/g, " ").trim();
}
