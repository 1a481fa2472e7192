// An OpenID Provider (oidc-provider) as a process of its own, so that it can be stopped and
// begun again with other keys. The first line on standard input says {issuer, port, jwks};
// it ends with standard input. Logging in takes no browser: who login_hint names is who it is.
import {createServer} from 'node:http';
import {createInterface} from 'node:readline';
import {generateKeyPairSync} from 'node:crypto';
import Provider from 'oidc-provider';

console.log = console.info = console.warn = console.error;
const {issuer, port, jwks} = JSON.parse(await new Promise(r => createInterface({input: process.stdin}).once('line', r)));

// groups are what the accounts' tokens claim, also such as no rule may take.
const groups = {
  aina: ['staff', 'registrars'], boris: ['readers'], one: 'registrars', object: {registrars: 'registrars'}, nested: [['registrars']],
  text: '["registrars"]', words: 'staff registrars', empty: [], nothing: '', letters: ['registr\u0430rs'], capitals: ['REGISTRARS'], zero: ['registrars\u0000'],
  truth: true, desk: ['registrars'], weiss: ['weiss']
};
// roles are further claims as Keycloak makes them, and such as only look like them.
const roles = {
  kim: {realm_access: {roles: ['offline_access', 'registrar']}, resource_access: {account: {roles: ['manage-account']}}},
  pat: {realm_access: {roles: ['offline_access']}, resource_access: {'chancery.web': {roles: ['editor']}}},
  lee: {'realm_access.roles': ['registrar'], '/realm_access/roles': ['registrar'], realm_access: {roles: {registrar: 'registrar'}}, resource_access: {account: {roles: ['registrar', 'editor']}}}
};
const secret = 'a secret: of +the desk & 100%';
const portal = {
  redirect_uris: ['http://127.0.0.1/signed-in'], application_type: 'native', response_types: ['code'], token_endpoint_auth_method: 'none',
  grant_types: ['authorization_code', 'refresh_token'], userinfo_signed_response_alg: 'RS256'
};
const desk = {client_secret: secret, redirect_uris: [], response_types: [], grant_types: ['client_credentials']};
const encryption = generateKeyPairSync('rsa', {modulusLength: 2048}).publicKey;
let logoutToken;

const provider = new Provider(issuer, {
  clients: [
    {client_id: 'portal', ...portal},
    {client_id: 'other', ...portal},
    // A client whose id is the audience of access tokens, as it should not be.
    {client_id: 'urn:chancery', ...portal, backchannel_logout_uri: 'https://portal.example.com/out'},
    {client_id: 'desk', ...desk, token_endpoint_auth_method: 'client_secret_basic'}
  ],
  jwks, cookies: {keys: ['only this test']},
  scopes: ['openid', 'offline_access', 'anything'],
  claims: {openid: ['sub', 'groups']},
  conformIdTokenClaims: false,
  enabledJWA: {idTokenSigningAlgValues: ['RS256', 'PS256', 'ES256', 'EdDSA', 'Ed25519', 'ES384'], userinfoSigningAlgValues: ['RS256']},
  ttl: {Session: 600, Grant: 600, Interaction: 60, IdToken: 300, RefreshToken: 600},
  interactions: {url: (ctx, interaction) => `/interaction/${interaction.uid}`},
  findAccount: (ctx, sub) => ({accountId: sub, claims: async () => ({sub, groups: groups[sub]})}),
  issueRefreshToken: async () => true,
  loadExistingGrant: async ctx => {
    const grant = new ctx.oidc.provider.Grant({clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId});
    grant.addOIDCScope('openid offline_access anything');
    grant.addOIDCClaims(['sub', 'groups']);
    for(const resource of [ctx.oidc.params.resource ?? []].flat()) {
      grant.addResourceScope(resource, 'anything');
    }
    await grant.save();
    return grant;
  },
  extraTokenClaims: (ctx, token) => ({groups: groups[token.accountId ?? token.clientId], ...roles[token.accountId]}),
  fetch: async (url, options) => {
    logoutToken = new URLSearchParams(options.body).get('logout_token');
    return new Response(null, {status: 204});
  },
  features: {
    devInteractions: {enabled: false},
    clientCredentials: {enabled: true},
    backchannelLogout: {enabled: true},
    jwtUserinfo: {enabled: true},
    userinfo: {enabled: true},
    resourceIndicators: {
      enabled: true,
      defaultResource: () => 'urn:alg:RS256',
      useGrantedResource: () => true,
      // The resource says how its tokens are made; what they are for is one audience.
      getResourceServerInfo: (ctx, resource) => {
        const [, what, detail] = resource.split(':');
        const sign = {alg: what === 'alg' ? detail : 'RS256'};
        return {
          scope: 'anything', audience: what === 'audience' ? `urn:${detail}` : 'urn:chancery', accessTokenFormat: what === 'opaque' ? 'opaque' : 'jwt',
          accessTokenTTL: what === 'short' ? 2 : 300,
          jwt: {sign, ...what === 'encrypted' && {encrypt: {alg: 'RSA-OAEP-256', enc: 'A256GCM', key: encryption}}}
        };
      }
    }
  }
});
provider.proxy = true;
provider.on('server_error', (ctx, e) => console.error(e));
const handle = provider.callback();

createServer(async (request, response) => {
  try {
    if(request.url.startsWith('/interaction/')) {
      const {params} = await provider.interactionDetails(request, response);
      await provider.interactionFinished(request, response, {login: {accountId: params.login_hint}, consent: {}});
    } else if(request.url === '/test/logout-token') {
      await (await provider.Client.find('urn:chancery')).backchannelLogout('aina', 'session');
      response.end(logoutToken);
    } else {
      await handle(request, response);
    }
  } catch(e) {
    console.error(e);
    response.statusCode = 500;
    response.end(String(e));
  }
}).listen(port, '127.0.0.1', () => process.stdout.write('ready\n'));
process.stdin.on('end', () => process.exit(0));
process.stdin.resume();
