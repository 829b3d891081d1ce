/** A shell script is imported as its text: the build bundles it. */
declare module "*.sh" {
  const text: string;
  export default text;
}
