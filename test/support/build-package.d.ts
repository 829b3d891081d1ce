declare function buildPackage(): void;
export = buildPackage;
