# SPDX-License-Identifier: Apache-2.0
#
# web_lib.sh - web servers for the scenarios of selvage-device's sources: nginx,
# and one that misbehaves. Sourced after lib.sh, and stops what it started.
BAD_WEB=$BUILD/test/device_bad_web
WEB_PIDS=
NGINX=

for nginx in "$(command -v nginx)" /usr/sbin/nginx \
    "${SELVAGE_DEPS:-.deps}/nginx/usr/sbin/nginx"; do
    if [ -x "$nginx" ]; then
        NGINX=$nginx
        break
    fi
done
unset http_proxy HTTP_PROXY https_proxy HTTPS_PROXY all_proxy ALL_PROXY

# web_stop: all of them.
web_stop() {
    for web_pid in $WEB_PIDS; do
        kill -9 "$web_pid" 2>/dev/null
        wait "$web_pid" 2>/dev/null
    done
    WEB_PIDS=
}

web_cleanup() {
    web_stop
    device_cleanup
}
trap web_cleanup EXIT

# bad_web MODE FOLDER [PREFIX]: sets WEB.
bad_web() {
    : >"$WORK/web"
    "$BAD_WEB" "$@" >"$WORK/web" 2>&1 &
    WEB_PIDS="$WEB_PIDS $!"
    tries=0
    while ! grep -q listening "$WORK/web"; do
        tries=$((tries + 1))
        if [ "$tries" -gt 500 ]; then
            fail "bad_web $1 does not start"
            return
        fi
        sleep 0.01
    done
    WEB=$(sed -n 's/listening //p' "$WORK/web")
}

# nginx_start FOLDER [DIRECTIVES]: serves FOLDER on a free port; sets WEB. By
# https where NGINX_NAME is set, with the certificate and key of that name. False
# when there is no nginx.
NGINX_NAME=
nginx_start() {
    [ -n "$NGINX" ] || return 1
    tries=0
    while [ "$tries" -lt 20 ]; do
        tries=$((tries + 1))
        web_port=$((20000 + $(od -An -N2 -tu2 /dev/urandom) % 30000))
        mkdir -p "$WORK/nginx"
        web_kind='' web_scheme=http
        if [ -n "$NGINX_NAME" ]; then
            web_scheme=https
            web_kind=" ssl; ssl_certificate $WORK/$NGINX_NAME.pem;
                ssl_certificate_key $WORK/$NGINX_NAME.key"
        fi
        cat >"$WORK/nginx/conf" <<CONF
daemon off;
master_process off;
pid $WORK/nginx/pid;
error_log $WORK/nginx/error warn;
events { worker_connections 64; }
http {
    access_log $WORK/nginx/access;
    client_body_temp_path $WORK/nginx/body;
    proxy_temp_path $WORK/nginx/proxy;
    fastcgi_temp_path $WORK/nginx/fastcgi;
    uwsgi_temp_path $WORK/nginx/uwsgi;
    scgi_temp_path $WORK/nginx/scgi;
    default_type application/octet-stream;
    server { listen 127.0.0.1:$web_port$web_kind; root $1; ${2:-} }
}
CONF
        "$NGINX" -p "$WORK/nginx" -e "$WORK/nginx/error" \
            -c "$WORK/nginx/conf" >"$WORK/nginx/log" 2>&1 &
        web_pid=$!
        WEB=$web_scheme://127.0.0.1:$web_port
        for web_wait in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
            # Another program on that port would answer, too.
            if kill -0 "$web_pid" 2>/dev/null && [ -s "$WORK/nginx/pid" ] &&
                curl -s -k -o "$WORK/nginx/first" "$WEB/"; then
                WEB_PIDS="$WEB_PIDS $web_pid"
                return 0
            fi
            kill -0 "$web_pid" 2>/dev/null || break
            sleep 0.1
        done
        kill -9 "$web_pid" 2>/dev/null
        wait "$web_pid" 2>/dev/null
        rm -f "$WORK/nginx/pid"
    done
    fail "nginx does not start: $(cat "$WORK/nginx/log" "$WORK/nginx/error")"
}
