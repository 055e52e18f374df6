vcl 4.1;

# Pages that back offices publish as static, for Varnish 7. Written by golive from the blueprint.
# Start with: varnishd -a 127.0.0.1:6081 -f THIS_FOLDER/primaries.vcl -s malloc,256m
# Nobody but the proxy may reach that address: the proxy says who a client is, and is believed.

import std;

include "./where/back_offices.vcl";

# Who publishes figures.
acl publishers_1 {
    "192.0.2.40";
    "2001:db8:40::"/64;
}

# Who publishes turnout.
acl publishers_2 {
    "192.0.2.40";
}

sub vcl_recv {
    # One path is one page, whatever name a visitor used. With the query in its key, any visitor could have the back office
    # asked at will.
    set req.http.Host = "resultats.example.org";
    set req.url = regsub(req.url, "\?.*$", "");
    # What a back office might read as another path.
    if (req.url ~ "(?i)(?:\.\.|//|\\|%(?:2[5ef]|5c))") {
        return (synth(404));
    }
    # The client is the proxy; who it speaks for stands in the header, which the proxy sets on every request.
    if (req.url ~ "^(?:/chiffres)") {
        set req.http.X-Static-Route = "figures";
        set req.backend_hint = office_1;
        if ((req.method == "REFRESH" || req.method == "PURGE") &&
            std.ip(req.http.X-Real-IP, "0.0.0.0", false) !~ publishers_1) {
            return (synth(403));
        }
    } elseif (req.url ~ "^(?:/participation/)") {
        set req.http.X-Static-Route = "turnout";
        set req.backend_hint = office_2;
        if ((req.method == "REFRESH" || req.method == "PURGE") &&
            std.ip(req.http.X-Real-IP, "0.0.0.0", false) !~ publishers_2) {
            return (synth(403));
        }
    } else {
        return (synth(404));
    }
    if (req.method == "PURGE") {
        return (purge);
    }
    if (req.method == "REFRESH") {
        # Replaces the page when the new one is there; until then, and if it never comes, the old one is served.
        set req.method = "GET";
        set req.hash_always_miss = true;
        set req.http.X-Refresh = "1";
    } else {
        unset req.http.X-Refresh;
    }
    if (req.method != "GET" && req.method != "HEAD") {
        return (synth(405));
    }
    # Everybody gets the same page, so nothing of anybody reaches the back office.
    unset req.http.Cookie;
    unset req.http.Authorization;
    unset req.http.Accept-Encoding;
    unset req.http.X-Forwarded-For;
    unset req.http.X-Real-IP;
    return (hash);
}

sub vcl_backend_response {
    if (beresp.status >= 500) {
        return (error(503));
    }
    unset beresp.http.Set-Cookie;
    unset beresp.http.Vary;
    unset beresp.http.Expires;
    unset beresp.http.Pragma;
    set beresp.http.Cache-Control = "no-store";
    if (beresp.status == 200 || beresp.status == 301 || beresp.status == 308) {
        if (bereq.http.X-Static-Route == "figures") {
            set beresp.ttl = 30s;
            set beresp.grace = 86400s;
            set beresp.http.Cache-Control = "public, max-age=30, stale-while-revalidate=30, stale-if-error=86400";
        } elseif (bereq.http.X-Static-Route == "turnout") {
            set beresp.ttl = 60s;
            set beresp.grace = 3600s;
            set beresp.http.Cache-Control = "public, max-age=60, stale-while-revalidate=60, stale-if-error=3600";
        }
    } elseif (beresp.status == 404 || beresp.status == 410) {
        set beresp.ttl = 1s;
        set beresp.grace = 10s;
    } else {
        # Remembered as not to be kept, for a time: with `ttl = 0s` visitors would be asked for one after the other.
        set beresp.uncacheable = true;
        set beresp.ttl = 120s;
    }
    return (deliver);
}

sub vcl_backend_error {
    # Nothing takes the place of the good page: a stored error, or a note not to keep it, would hide that.
    if (bereq.is_bgfetch || bereq.http.X-Refresh) {
        return (abandon);
    }
    # For a second, so that all who wait have it at once, and the back office is asked once a second.
    set beresp.ttl = 1s;
    set beresp.grace = 0s;
    set beresp.http.Cache-Control = "no-store";
    set beresp.http.Content-Type = "text/plain; charset=utf-8";
    set beresp.http.Retry-After = "5";
    set beresp.body = "This page is not there for the moment. Please come back later.";
    return (deliver);
}

sub vcl_deliver {
    # RFC 9211. A copy is as new as Varnish took it: with an Age, whoever keeps it after an outage would keep nothing.
    if (obj.hits > 0) {
        set resp.http.Cache-Status = "varnish; hit";
    } else {
        set resp.http.Cache-Status = "varnish; fwd=miss";
    }
    unset resp.http.Age;
    unset resp.http.Via;
    unset resp.http.X-Varnish;
    return (deliver);
}

sub vcl_synth {
    set resp.http.Cache-Control = "no-store";
    set resp.http.Content-Type = "text/plain; charset=utf-8";
    if (resp.status == 405) {
        set resp.http.Allow = "GET, HEAD";
    }
    unset resp.http.Retry-After;
    unset resp.http.X-Varnish;
    set resp.body = resp.reason;
    return (deliver);
}
