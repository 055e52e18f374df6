# The edge accepts only an origin whose certificate verifies.
resource "cloudflare_zone_setting" "ssl" {
  zone_id    = var.cloudflare_zone_id
  setting_id = "ssl"
  value      = "strict"
}

# It would catch the path of certification authorities too; the rule https_only spares it.
resource "cloudflare_zone_setting" "always_use_https" {
  zone_id    = var.cloudflare_zone_id
  setting_id = "always_use_https"
  value      = "off"
}

# Older versions are forbidden (RFC 8996).
resource "cloudflare_zone_setting" "min_tls_version" {
  zone_id    = var.cloudflare_zone_id
  setting_id = "min_tls_version"
  value      = "1.2"
}

# One round trip less for each new visitor.
resource "cloudflare_zone_setting" "tls_1_3" {
  zone_id    = var.cloudflare_zone_id
  setting_id = "tls_1_3"
  value      = "on"
}

# 0 obeys the origin; the default of 14400 overrides every shorter max-age.
resource "cloudflare_zone_setting" "browser_cache_ttl" {
  zone_id    = var.cloudflare_zone_id
  setting_id = "browser_cache_ttl"
  value      = 0
}

# Smaller pages on phones.
resource "cloudflare_zone_setting" "brotli" {
  zone_id    = var.cloudflare_zone_id
  setting_id = "brotli"
  value      = "on"
}

# A request sent early can be sent again by somebody else: a sign-up twice.
resource "cloudflare_zone_setting" "setting_0rtt" {
  zone_id    = var.cloudflare_zone_id
  setting_id = "0rtt"
  value      = "off"
}

# Survives a change of network on phones.
resource "cloudflare_zone_setting" "http3" {
  zone_id    = var.cloudflare_zone_id
  setting_id = "http3"
  value      = "on"
}

# Pages leave the edge as the app wrote them.
resource "cloudflare_zone_setting" "automatic_https_rewrites" {
  zone_id    = var.cloudflare_zone_id
  setting_id = "automatic_https_rewrites"
  value      = "off"
}

# While it is on, Cloudflare ignores stale-while-revalidate and stale-if-error.
resource "cloudflare_zone_setting" "always_online" {
  zone_id    = var.cloudflare_zone_id
  setting_id = "always_online"
  value      = "off"
}

# Strict-Transport-Security (RFC 6797); other names of the zone are not ours to bind.
resource "cloudflare_zone_setting" "security_header" {
  zone_id    = var.cloudflare_zone_id
  setting_id = "security_header"
  value = {
    strict_transport_security = {
      enabled            = true
      max_age            = 31536000
      include_subdomains = false
      preload            = false
      nosniff            = false
    }
  }
}

resource "cloudflare_list" "jeveuxaider_partners" {
  account_id  = var.cloudflare_account_id
  kind        = "ip"
  name        = "jeveuxaider_partners"
  description = "partners: associations-hub"
  items = [
    {
      ip = "192.0.2.192/28"
    },
  ]
}

resource "cloudflare_ruleset" "cache" {
  zone_id = var.cloudflare_zone_id
  name    = "default"
  kind    = "zone"
  phase   = "http_request_cache_settings"
  rules = [
    {
      ref         = "pages"
      description = "pages: kept as the origin says"
      expression  = "http.host eq \"covid19.reserve-civique.gouv.fr\""
      action      = "set_cache_settings"
      action_parameters = {
        cache = true
        edge_ttl = {
          mode = "bypass_by_default"
        }
        browser_ttl = {
          mode = "respect_origin"
        }
        serve_stale = {
          disable_stale_while_updating = false
        }
        cache_key = {
          custom_key = {
            query_string = {
              exclude = {
                all = true
              }
            }
          }
        }
      }
    },
    {
      ref         = "assets"
      description = "assets: kept as the origin says"
      expression  = "http.host eq \"covid19.reserve-civique.gouv.fr\" and starts_with(http.request.uri.path, \"/assets/\")"
      action      = "set_cache_settings"
      action_parameters = {
        cache = true
        edge_ttl = {
          mode = "bypass_by_default"
        }
        browser_ttl = {
          mode = "respect_origin"
        }
        serve_stale = {
          disable_stale_while_updating = false
        }
        cache_key = {
          custom_key = {
            query_string = {
              exclude = {
                all = true
              }
            }
          }
        }
      }
    },
    {
      ref         = "api"
      description = "api: never kept"
      expression  = "http.host eq \"covid19.reserve-civique.gouv.fr\" and (starts_with(http.request.uri.path, \"/api/\") or starts_with(http.request.uri.path, \"/oauth/\") or starts_with(http.request.uri.path, \"/health\"))"
      action      = "set_cache_settings"
      action_parameters = {
        cache = false
      }
    },
  ]
}

import {
  for_each = { for phase, id in var.cloudflare_entrypoints : phase => id if phase == "http_request_cache_settings" }
  to       = cloudflare_ruleset.cache
  id       = "zones/${var.cloudflare_zone_id}/${each.value}"
}

resource "cloudflare_ruleset" "redirects" {
  zone_id = var.cloudflare_zone_id
  name    = "default"
  kind    = "zone"
  phase   = "http_request_dynamic_redirect"
  rules = [
    {
      ref         = "https_only"
      description = "Plain http goes to https, except where certification authorities look"
      expression  = "http.host eq \"covid19.reserve-civique.gouv.fr\" and not ssl and not starts_with(http.request.uri.path, \"/.well-known/acme-challenge/\")"
      action      = "redirect"
      action_parameters = {
        from_value = {
          status_code = 301
          target_url = {
            expression = "concat(\"https://\", http.host, http.request.uri.path)"
          }
          preserve_query_string = true
        }
      }
    },
  ]
}

import {
  for_each = { for phase, id in var.cloudflare_entrypoints : phase => id if phase == "http_request_dynamic_redirect" }
  to       = cloudflare_ruleset.redirects
  id       = "zones/${var.cloudflare_zone_id}/${each.value}"
}

resource "cloudflare_ruleset" "waf_custom" {
  zone_id = var.cloudflare_zone_id
  name    = "default"
  kind    = "zone"
  phase   = "http_request_firewall_custom"
  rules = [
    {
      ref         = "golive_partners"
      description = "Partners are neither filtered nor limited"
      expression  = "ip.src in $jeveuxaider_partners"
      action      = "skip"
      action_parameters = {
        ruleset  = "current"
        phases   = ["http_ratelimit", "http_request_firewall_managed", "http_request_sbfm"]
        products = ["bic", "securityLevel"]
      }
    },
    {
      ref         = "golive_under_attack"
      description = "Lever: every browser is challenged once; off until somebody switches it on"
      expression  = "http.host eq \"covid19.reserve-civique.gouv.fr\" and not cf.client.bot and not starts_with(http.request.uri.path, \"/.well-known/acme-challenge/\") and not (starts_with(http.request.uri.path, \"/api/\") or starts_with(http.request.uri.path, \"/oauth/\"))"
      action      = "managed_challenge"
      enabled     = false
    },
    {
      ref         = "golive_countries"
      description = "These countries do not come in"
      expression  = "http.host eq \"covid19.reserve-civique.gouv.fr\" and ip.src.country in {\"KP\" \"T1\"} and not starts_with(http.request.uri.path, \"/.well-known/acme-challenge/\")"
      action      = "block"
    },
    {
      ref         = "no_wordpress"
      description = "no-wordpress"
      expression  = "http.host eq \"covid19.reserve-civique.gouv.fr\" and (starts_with(http.request.uri.path, \"/wp-admin/\") or starts_with(http.request.uri.path, \"/wp-login.php\") or starts_with(http.request.uri.path, \"/xmlrpc.php\"))"
      action      = "block"
    },
  ]
  lifecycle {
    ignore_changes = [rules[1].enabled]
  }
}

import {
  for_each = { for phase, id in var.cloudflare_entrypoints : phase => id if phase == "http_request_firewall_custom" }
  to       = cloudflare_ruleset.waf_custom
  id       = "zones/${var.cloudflare_zone_id}/${each.value}"
}

resource "cloudflare_ruleset" "rate_limits" {
  zone_id = var.cloudflare_zone_id
  name    = "default"
  kind    = "zone"
  phase   = "http_ratelimit"
  rules = [
    {
      ref         = "log_in"
      description = "log-in: 20 requests in 10 s"
      expression  = "http.host eq \"covid19.reserve-civique.gouv.fr\" and starts_with(http.request.uri.path, \"/login\") and http.request.method in {\"POST\"} and not (ip.src in {192.0.2.64/27 192.0.2.192/28})"
      action      = "block"
      action_parameters = {
        response = {
          status_code  = 429
          content_type = "text/plain"
          content      = "Too many requests: try again in 10 seconds.\n"
        }
      }
      ratelimit = {
        characteristics     = ["cf.colo.id", "ip.src"]
        period              = 10
        requests_per_period = 20
        mitigation_timeout  = 10
        requests_to_origin  = false
      }
    },
  ]
}

import {
  for_each = { for phase, id in var.cloudflare_entrypoints : phase => id if phase == "http_ratelimit" }
  to       = cloudflare_ruleset.rate_limits
  id       = "zones/${var.cloudflare_zone_id}/${each.value}"
}

resource "cloudflare_ruleset" "waf_managed" {
  zone_id = var.cloudflare_zone_id
  name    = "default"
  kind    = "zone"
  phase   = "http_request_firewall_managed"
  rules = [
    {
      ref         = "managed_cloudflare"
      description = "The managed ruleset cloudflare"
      expression  = "http.host eq \"covid19.reserve-civique.gouv.fr\""
      action      = "execute"
      action_parameters = {
        id = "efb7b8c949ac4650a09736fc376e9aee"
      }
    },
    {
      ref         = "managed_owasp"
      description = "The managed ruleset owasp"
      expression  = "http.host eq \"covid19.reserve-civique.gouv.fr\""
      action      = "execute"
      action_parameters = {
        id = "4814384a9e5d4991b9815dcfc25d2f1f"
      }
    },
  ]
}

import {
  for_each = { for phase, id in var.cloudflare_entrypoints : phase => id if phase == "http_request_firewall_managed" }
  to       = cloudflare_ruleset.waf_managed
  id       = "zones/${var.cloudflare_zone_id}/${each.value}"
}

resource "cloudflare_ruleset" "response_headers" {
  zone_id = var.cloudflare_zone_id
  name    = "default"
  kind    = "zone"
  phase   = "http_response_headers_transform"
  rules = [
    {
      ref         = "headers"
      description = "Headers of every answer of the site"
      expression  = "http.host eq \"covid19.reserve-civique.gouv.fr\""
      action      = "rewrite"
      action_parameters = {
        headers = {
          X-Frame-Options = {
            operation = "set"
            value     = "SAMEORIGIN"
          }
          X-Powered-By = {
            operation = "remove"
          }
        }
      }
    },
  ]
}

import {
  for_each = { for phase, id in var.cloudflare_entrypoints : phase => id if phase == "http_response_headers_transform" }
  to       = cloudflare_ruleset.response_headers
  id       = "zones/${var.cloudflare_zone_id}/${each.value}"
}

# Opened, closed and narrowed by hand on the night; an apply leaves that as it is.
resource "cloudflare_waiting_room" "room" {
  zone_id                   = var.cloudflare_zone_id
  name                      = "launch"
  host                      = "covid19.reserve-civique.gouv.fr"
  path                      = "/"
  total_active_users        = 60000
  new_users_per_minute      = 36000
  session_duration          = 5
  queueing_method           = "fifo"
  queueing_status_code      = 200
  suspended                 = true
  default_template_language = "fr-FR"
  cookie_attributes = {
    samesite = "auto"
    secure   = "auto"
  }
  lifecycle {
    ignore_changes = [suspended, queue_all, total_active_users, new_users_per_minute]
  }
}

resource "cloudflare_load_balancer_monitor" "origins" {
  account_id     = var.cloudflare_account_id
  type           = "https"
  description    = "health of the origins of covid19.reserve-civique.gouv.fr"
  path           = "/__health"
  port           = 443
  expected_codes = "200"
  header = {
    Host = ["covid19.reserve-civique.gouv.fr"]
  }
  interval         = 60
  consecutive_down = 2
  consecutive_up   = 2
}

resource "cloudflare_load_balancer_pool" "origins" {
  account_id      = var.cloudflare_account_id
  name            = "covid19-reserve-civique-gouv-fr-origins"
  monitor         = cloudflare_load_balancer_monitor.origins.id
  minimum_origins = 1
  check_regions   = ["WEU"]
  origins = [
    {
      name    = "origin-01"
      address = "203.0.113.10"
      enabled = true
      weight  = 1
    },
    {
      name    = "origin-02"
      address = "203.0.113.11"
      enabled = true
      weight  = 1
    },
  ]
}

resource "cloudflare_load_balancer" "host_covid19_reserve_civique_gouv_fr" {
  zone_id          = var.cloudflare_zone_id
  name             = "covid19.reserve-civique.gouv.fr"
  proxied          = true
  steering_policy  = "off"
  session_affinity = "none"
  default_pools    = [cloudflare_load_balancer_pool.origins.id]
  fallback_pool    = cloudflare_load_balancer_pool.origins.id
}

# Never changed in place: to rotate, add a second one, wait until it is active, remove this one.
resource "cloudflare_certificate_pack" "edge" {
  zone_id               = var.cloudflare_zone_id
  type                  = "advanced"
  certificate_authority = "google"
  validation_method     = "txt"
  validity_days         = 90
  hosts                 = ["covid19.reserve-civique.gouv.fr", "reserve-civique.gouv.fr"]
}
