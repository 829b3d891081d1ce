import * as pulumi from "@pulumi/pulumi";

/** Type of the resource that stands for the stack itself; it is the parent of whatever has no other. */
const stackType = "pulumi:pulumi:Stack";

/**
 * Who owns an attachment, as it is written on the host: organization, project, stack and name of the resource, with
 * type and name of its parent where it has one.
 *
 * The provider keeps the token of the old inputs where there are any, so a rename with an alias keeps its owner.
 *
 * @returns e.g. `acme/lab/prod/bcm5719` or `acme/lab/prod/my:net:Cards:left/bcm5719`.
 */
export function ownerToken(name: string, parent: pulumi.Resource | undefined): string {
  const stack = `${organization()}/${pulumi.getProject()}/${pulumi.getStack()}`;
  const parentPart = parent && parentLabel(parent);
  return parentPart === undefined ? `${stack}/${name}` : `${stack}/${parentPart}/${name}`;
}

/** Pulumi's own name for the organization of backends that know none; getOrganization throws where it is not told one. */
function organization(): string {
  try {
    return pulumi.getOrganization();
  } catch {
    return "organization";
  }
}

/**
 * Both properties are internal to Pulumi's SDK, but the URN, which is public, is an output: an input made of it would
 * be unknown in the first preview. A parent from an SDK that lacks them counts as none.
 */
function parentLabel(parent: pulumi.Resource): string | undefined {
  const { __pulumiType: type, __name: name } = parent as unknown as Readonly<Record<string, unknown>>;
  if (typeof type !== "string" || typeof name !== "string" || type === stackType) return undefined;
  return `${type}:${name}`;
}
