/** RFC 8628 section 3.4. */
export const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code';

/** The one scope: everything that the user may do. Roles decide what that is. */
export const SCOPE = 'seatlease';

/** What OAuth clients need to know of this server (RFC 8414 section 2). `publicUrl` is also the `iss` of RFC 9207. */
export function metadataOf(publicUrl: string) {
  return {
    issuer: publicUrl,
    authorization_endpoint: `${publicUrl}/auth/authorize`,
    token_endpoint: `${publicUrl}/auth/token`,
    revocation_endpoint: `${publicUrl}/auth/revoke`,
    device_authorization_endpoint: `${publicUrl}/auth/device`,
    scopes_supported: [SCOPE],
    response_types_supported: ['code'],
    response_modes_supported: ['query'],
    grant_types_supported: ['authorization_code', 'refresh_token', DEVICE_GRANT],
    token_endpoint_auth_methods_supported: ['none'],
    revocation_endpoint_auth_methods_supported: ['none'],
    code_challenge_methods_supported: ['S256'],
    authorization_response_iss_parameter_supported: true,
  };
}
