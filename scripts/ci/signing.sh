# shellcheck shell=bash disable=SC2034 # its variables are for the steps
# How cosign signs and verifies here, for the steps that source it after lib.sh. One of
#   keyless     in a workflow that may have an identity (id-token: write); the signature is in Sigstore's public log
#   a key       COSIGN_KEY to sign (COSIGN_PASSWORD), COSIGN_PUBLIC_KEY to verify: files, or a KMS as cosign names it;
#               nothing goes to the log, and nothing leaves this network
#   --ephemeral a key of this run, thrown away: shows that the gate works, not who signed
# CERTIFICATE_IDENTITY is who may have signed without a key: to the letter the workflow and its branch.

# Where the archive's signature is, and the public key of an ephemeral one.
BUNDLE=$OUT/image.sigstore.json
EPHEMERAL_KEY=$OUT/ephemeral.pub
ISSUER=https://token.actions.githubusercontent.com
# What is attested of an image: cosign's type, and the file.
ATTESTED=(spdxjson:sbom.spdx.json cyclonedx:sbom.cdx.json slsaprovenance1:provenance.json)

certificate_identity() {
  [ -n "${CERTIFICATE_IDENTITY:-}${GITHUB_REPOSITORY:-}" ] \
    || die 'who may have signed is not known: set COSIGN_PUBLIC_KEY, or CERTIFICATE_IDENTITY or GITHUB_REPOSITORY'
  echo "${CERTIFICATE_IDENTITY:-https://github.com/$GITHUB_REPOSITORY/.github/workflows/ci.yml@refs/heads/main}"
}

# A key pair for this run, in the temporary folder; only its public half stays.
ephemeral_key() {
  COSIGN_PASSWORD=$(node -p 'crypto.randomUUID()')
  export COSIGN_PASSWORD
  (cd "$TEMPORARY" && cosign generate-key-pair >/dev/null 2>&1) || die 'cosign made no key pair'
  COSIGN_KEY=$TEMPORARY/cosign.key
  mkdir -p "$OUT" && cp "$TEMPORARY/cosign.pub" "$EPHEMERAL_KEY"
  say "signed by a key of this run only, $EPHEMERAL_KEY: it shows that the gate works, not who signed"
  summary 'signed by an ephemeral key: it shows that the gate works, not who signed'
}

# Sets `sign_with`, the flags of cosign's signing commands.
signing_flags() {
  sign_with=(--yes)
  if [ -n "${COSIGN_KEY:-}" ]; then
    # Without Sigstore's services: no log, no time of theirs.
    cosign signing-config create --out "$TEMPORARY/signing-config.json"
    sign_with+=(--key "$COSIGN_KEY" --signing-config "$TEMPORARY/signing-config.json")
  elif [ -z "${ACTIONS_ID_TOKEN_REQUEST_URL:-}${SIGSTORE_ID_TOKEN:-}" ]; then
    die 'there is nothing to sign with: set COSIGN_KEY, give the job id-token: write, or say --ephemeral'
  fi
}

# Sets `verify_with`, the flags of cosign's verifying commands, and `signer`, who they ask for.
verifying_flags() {
  if [ -n "${COSIGN_PUBLIC_KEY:-}" ]; then
    signer="the key $COSIGN_PUBLIC_KEY"
    verify_with=(--key "$COSIGN_PUBLIC_KEY" --insecure-ignore-tlog=true)
  else
    signer=$(certificate_identity)
    verify_with=(--certificate-identity "$signer" --certificate-oidc-issuer "$ISSUER")
  fi
}

# Runs cosign without what it says when all is well; what it says else, it says in one line.
quietly() {
  local said
  said=$("$@" 2>&1 >/dev/null) || {
    printf '%s\n' "$said" | grep -v '^WARNING' | tail -n 1 >&2
    return 1
  }
}
