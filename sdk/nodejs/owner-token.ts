import * as pulumi from "@pulumi/pulumi";

/** Type of the resource that stands for the stack itself; it is the parent of whatever has no other. */
const stackType = "pulumi:pulumi:Stack";

/**
 * Who owns an attachment, as it is written on the host: organization, project, stack and name of the
 * resource, with the types of its parents if it has any, outermost first: what its URN has, so that it is as
 * unique as the URN.
 *
 * The provider keeps the token of the old inputs where there are any, so a rename with an alias keeps its
 * owner, and so does a nested resource that 0.1 made.
 *
 * @returns e.g. `acme/lab/prod/bcm5719` or `acme/lab/prod/my:net:Rack$my:net:Cards/bcm5719`.
 */
export function ownerToken(name: string, parent: pulumi.Resource | undefined): string {
  const stack = `${organization()}/${pulumi.getProject()}/${pulumi.getStack()}`;
  const parents = parent && parentsPart(parent);
  return parents === undefined ? `${stack}/${name}` : `${stack}/${parents}/${name}`;
}

/**
 * Pulumi's own name for the organization of backends that know none; getOrganization throws where it is not
 * told one.
 */
function organization(): string {
  try {
    return pulumi.getOrganization();
  } catch {
    return "organization";
  }
}

/**
 * These properties are internal to Pulumi's SDK, but the URN, which is public, is an output: an input made of
 * it would be unknown in the first preview. Each resource has the one above it, the stack's outermost. A
 * parent from an SDK that lacks them counts as none; one that does not know what is above it gives the token
 * that 0.1 made, of its own type and name.
 */
interface InternalResource {
  readonly __pulumiType?: unknown;
  readonly __name?: unknown;
  readonly __parentResource?: InternalResource;
}

function parentsPart(parent: pulumi.Resource): string | undefined {
  const direct = parent as unknown as InternalResource;
  const { __pulumiType: type, __name: name } = direct;
  if (typeof type !== "string" || typeof name !== "string" || type === stackType) return undefined;
  if (direct.__parentResource === undefined) return `${type}:${name}`;
  return typesFrom(direct).join("$");
}

/** Types of a resource and all above it but the stack, outermost first. */
function typesFrom(resource: InternalResource): string[] {
  const types: string[] = [];
  for (let one: InternalResource | undefined = resource; one !== undefined; one = one.__parentResource)
    if (typeof one.__pulumiType === "string" && one.__pulumiType !== stackType)
      types.unshift(one.__pulumiType);
  return types;
}
