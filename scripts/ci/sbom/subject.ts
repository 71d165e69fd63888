/** What says in an SBOM which image it is about: the package URL of what the document describes. */
const IMAGE = 'pkg:oci/hello-world@';

/** https://github.com/package-url/purl-spec/blob/main/types-doc/oci-definition.md */
export function purlOf(digest: string): string {
  return `${IMAGE}${encodeURIComponent(digest)}`;
}

/** As much of either format as says it. */
interface Sbom {
  readonly documentDescribes?: readonly string[];
  readonly packages?: readonly {
    readonly SPDXID: string;
    readonly externalRefs?: readonly { readonly referenceLocator: string }[];
  }[];
  readonly metadata?: { readonly component?: { readonly purl?: string } };
}

/** The digest of the image that an SBOM is about; `undefined` where it names none. */
export function subjectOf({ documentDescribes, packages, metadata }: Sbom): string | undefined {
  const described = packages?.find(({ SPDXID }) => SPDXID === documentDescribes?.[0]);
  const purls = [metadata?.component?.purl, ...(described?.externalRefs ?? []).map((ref) => ref.referenceLocator)];
  const purl = purls.find((one) => one?.startsWith(IMAGE));
  return purl === undefined ? undefined : decodeURIComponent(purl.slice(IMAGE.length));
}
