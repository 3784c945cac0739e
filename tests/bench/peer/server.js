// The customers of the CRM as a team would write them with Fastify, tuned as its users do: what the benchmarks compare with. One process
// per CPU, prepared statements, serializers compiled from the OpenAPI document, dictionaries in memory, totals that may be a second old.
import cluster from 'node:cluster';
import { readFileSync } from 'node:fs';
import rateLimit from '@fastify/rate-limit';
import { createVerifier } from 'fast-jwt';
import Fastify from 'fastify';
import Redis from 'ioredis';
import pg from 'pg';
import pino from 'pino';
import { hashed, open, seal } from './sealing.js';

const { PEER_PORT, PEER_WORKERS, PEER_LOG, PEER_REDIS, PEER_DATABASE, PEER_PUBLIC_KEY, PEER_CONTRACT } = process.env;
const TOTAL_MS = 1000;
const SEALED = ['phone', 'email', 'address'];
const HASHED = { phone: 'phone_index', email: 'email_index' };
const UNIQUE_VIOLATION = '23505';
const LIST = `customer_id, customer_code, customer_name, customer_type, primary_contact, phone, email, address, customer_level, industry_id,
    status, to_char(created_time, 'YYYY-MM-DD HH24:MI:SS') AS created_time`;
const DETAIL = `${LIST}, primary_contact_id, company_size, credit_limit, payment_terms, region_id, source_channel, tags, created_by, updated_by,
    to_char(updated_time, 'YYYY-MM-DD HH24:MI:SS') AS updated_time, description, last_contact_time, version`;
const WRITTEN = ['customer_code', 'customer_name', 'customer_type', 'primary_contact_id', 'phone', 'email', 'address', 'customer_level',
    'industry_id', 'company_size', 'credit_limit', 'payment_terms', 'region_id', 'source_channel', 'tags', 'status', 'description'];

// --- the contract ------------------------------------------------------------------------------------------------------------

const contract = JSON.parse(readFileSync(PEER_CONTRACT, 'utf8'));

function resolved(schema) {
    if (Array.isArray(schema)) return schema.map(resolved);
    if (schema === null || typeof schema !== 'object') return schema;
    if (schema.$ref) return resolved(contract.components.schemas[schema.$ref.split('/').pop()]);
    return Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, resolved(value)]));
}

const envelope = name => ({
    200: {
        type: 'object',
        properties: { code: { type: 'integer' }, message: { type: 'string' }, data: resolved(contract.components.schemas[name]) },
    },
});
const success = data => ({ code: 200, message: 'success', data });
const problem = (status, error, message) => Object.assign(new Error(message), { statusCode: status, code: error });

// --- the database ------------------------------------------------------------------------------------------------------------

pg.types.setTypeParser(pg.types.builtins.NUMERIC, Number);
let pool;
const query = (name, text, values) => pool.query({ name, text, values });

async function dictionaries() {
    const names = new Map();
    const rows = await pool.query(`SELECT industry_id AS id, industry_name AS name FROM customer.industries
        UNION ALL SELECT region_id, region_name FROM customer.regions UNION ALL SELECT user_id, name FROM customer.user_ref`);
    for (const { id, name } of rows.rows) names.set(id, name);
    return names;
}

const totals = new Map();
function total(key, count) {
    const known = totals.get(key);
    if (known && Date.now() - known.since < TOTAL_MS) return known.total;
    const fresh = { since: Date.now(), total: count().then(result => Number(result.rows[0].count)) };
    totals.set(key, fresh);
    return fresh.total;
}

// --- the operations ------------------------------------------------------------------------------------------------------------

function readable(row, names) {
    for (const column of SEALED) if (row[column] !== null) row[column] = open(row[column]);
    row.industry_name = names.get(row.industry_id) ?? null;
    row.region_name = names.get(row.region_id) ?? null;
    row.created_by_name = names.get(row.created_by) ?? null;
    row.updated_by_name = names.get(row.updated_by) ?? null;
    return row;
}

async function read(request, names) {
    const found = await query('read', `SELECT ${DETAIL} FROM peer.customers WHERE customer_id = $1`, [request.params.customer_id]);
    if (!found.rowCount) throw problem(404, 'NOT_FOUND', 'no such customer');
    return success(readable(found.rows[0], names));
}

async function list(request, names) {
    const { page, size, keyword } = request.query;
    const like = keyword === undefined ? undefined : `%${keyword.toLowerCase().replace(/[\\%_]/g, '\\$&')}%`;
    const where = like === undefined ? '' : 'WHERE search_text LIKE $1';
    const values = like === undefined ? [] : [like];
    const kind = like === undefined ? 'list' : 'search';
    const [rows, count] = await Promise.all([
        query(kind, `SELECT ${LIST} FROM peer.customers ${where} ORDER BY customers.created_time DESC, customers.customer_id DESC
            LIMIT $${values.length + 1} OFFSET $${values.length + 2}`, [...values, size, (page - 1) * size]),
        total(like, () => query(`${kind}_count`, `SELECT count(*) FROM peer.customers ${where}`, values)),
    ]);
    return success({ total: count, pages: Math.ceil(count / size), current: page, size, records: rows.rows.map(row => readable(row, names)) });
}

// Columns with what is stored in them.
function stored(given) {
    const values = new Map();
    for (const column of WRITTEN) {
        const value = given[column];
        if (value === undefined) continue;
        if (HASHED[column] && value !== null) values.set(HASHED[column], hashed(value));
        if (column === 'tags') values.set(column, JSON.stringify(value));
        else values.set(column, SEALED.includes(column) && value !== null ? seal(value) : value);
    }
    return values;
}

// A short name for each set of columns: PostgreSQL's have 63 characters.
const shapes = new Map();
function nameOf(columns) {
    const key = columns.join();
    if (!shapes.has(key)) shapes.set(key, `create_${shapes.size}`);
    return shapes.get(key);
}

// The row, its event and its record of the audit in one statement.
async function create(request) {
    const values = stored(request.body);
    values.set('created_by', request.user.sub).set('updated_by', request.user.sub);
    const columns = [...values.keys()];
    try {
        const made = await query(nameOf(columns), `WITH made AS (
                INSERT INTO peer.customers (${columns}) VALUES (${columns.map((_, i) => `$${i + 1}`)})
                RETURNING customer_id, customer_code, customer_name, to_char(created_time, 'YYYY-MM-DD HH24:MI:SS') AS created_time),
            told AS (INSERT INTO peer.outbox (event, data) SELECT 'customer.created', to_jsonb(made) FROM made),
            audited AS (INSERT INTO peer.audit (user_id, operation, customer_id, request_id, peer)
                SELECT $${columns.length}, 'customer.create', customer_id, $${columns.length + 1}, $${columns.length + 2} FROM made)
            SELECT * FROM made`, [...values.values(), request.id, request.ip]);
        return success(made.rows[0]);
    } catch (error) {
        throw error.code === UNIQUE_VIOLATION ? problem(409, 'DUPLICATE', 'the code is taken') : error;
    }
}

// --- the service -------------------------------------------------------------------------------------------------------------

const verify = createVerifier({
    key: readFileSync(PEER_PUBLIC_KEY), algorithms: ['ES256'], allowedIss: 'crm-auth', allowedAud: 'crm', cache: 10000,
});

function needs(permission) {
    return async request => {
        if (!request.user.permissions.includes(permission)) throw problem(403, 'FORBIDDEN', `needs ${permission}`);
    };
}

async function authenticate(request) {
    try {
        request.user = verify(request.headers.authorization.slice('Bearer '.length));
    } catch {
        throw problem(401, 'UNAUTHENTICATED', 'needs a valid token');
    }
}

const pages = {
    type: 'object',
    properties: {
        page: { type: 'integer', minimum: 1, default: 1 }, size: { type: 'integer', minimum: 1, maximum: 200, default: 10 },
        keyword: { type: 'string', minLength: 1, maxLength: 100 },
    },
};

async function routes(app, names) {
    const one = { type: 'object', properties: { customer_id: { type: 'string', format: 'uuid' } } };
    const view = needs('customer:view');
    app.get('/api/v1/customers/:customer_id', { preHandler: view, schema: { params: one, response: envelope('Customer') } },
        request => read(request, names));
    app.get('/api/v1/customers', { preHandler: view, schema: { querystring: pages, response: envelope('CustomerPage') } },
        request => list(request, names));
    app.post('/api/v1/customers', {
        preHandler: needs('customer:create'),
        schema: { body: resolved(contract.components.schemas.CustomerCreate), response: envelope('CustomerCreated') },
    }, create);
}

async function serve() {
    const redis = new Redis(PEER_REDIS, { enableAutoPipelining: true });
    pool = new pg.Pool({ connectionString: PEER_DATABASE, max: 8, options: '-c timezone=Asia/Shanghai' });
    const app = Fastify({
        loggerInstance: pino(pino.destination({ dest: PEER_LOG, sync: false, minLength: 4096 })),
        disableRequestLogging: true, // two lines of each; one of ours
        ajv: { customOptions: { keywords: ['example'] } },
    });
    app.decorateRequest('user', null);
    app.addHook('onRequest', authenticate);
    app.addHook('onResponse', async (request, reply) => {
        request.log.info({ method: request.method, path: request.url, peer: request.ip, user: request.user?.sub, status: reply.statusCode,
            ms: reply.elapsedTime });
    });
    await app.register(rateLimit, {
        hook: 'preHandler', max: 100000000, timeWindow: 1000, redis, keyGenerator: request => request.user.sub, skipOnError: true,
    });
    await routes(app, await dictionaries());
    await app.listen({ host: '127.0.0.1', port: Number(PEER_PORT) });
}

if (cluster.isPrimary) {
    for (let i = 0; i < Number(PEER_WORKERS); i++) cluster.fork();
    cluster.on('exit', (worker, status) => process.exit(status ?? 1));
} else await serve();
