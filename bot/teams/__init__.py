"""The Bot Framework side: what Teams sends is checked, understood and answered here.

An activity goes ``endpoint`` (HTTP, limits, time) -> ``activity`` (who, where, what) -> ``tokens``
(is it Teams?) -> ``adapter`` (seen before?) -> ``handler`` (which kind) -> `Turns`, and the answer
goes back by ``connector`` with a token of ``credentials``. ``memory`` is what all that remembers.

The composition root wires it so::

    memory = StoreMemory(pool, clock=clock)
    hosts = ServiceHosts(settings.bot_service_hosts)
    credentials = ClientSecret(
        http, login_url=…, tenant=…, app_id=…, secret=settings.microsoft_app_password, clock=clock
    )  # or: ManagedIdentity(user_assigned(app_id), clock=clock)
    connector = Connector(
        transport.ask, credentials=credentials, hosts=hosts, memory=memory, clock=clock,
        retrying=short_retries(),
    )
    keys = SigningKeys(http, metadata_url=…, issuer=settings.bot_issuer, clock=clock)
    tokens = InboundTokens(keys, app_id=app_id, issuer=settings.bot_issuer, clock=clock)
    endpoint = build_endpoint(
        turns=turns, connector=connector, memory=memory, listen_host=settings.host,
        gate=Gate(tokens=tokens, tenants=[tenant.id for tenant in settings.tenants()], hosts=hosts),
    )
    app.router.add_post("/api/messages", endpoint.handle)
    app.on_shutdown.append(lambda _: endpoint.close())

The demo passes ``credentials=None``, ``Gate(tokens=None, …)`` and a ``ServiceHosts((),
loopback=True)``: no token is asked for, and none is sent; only this machine's own processes are
let in.
"""
