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

resource "cloudflare_dns_record" "a_covid19_reserve-civique_gouv_fr_25319211" {
  zone_id = var.cloudflare_zone_id
  type    = "A"
  name    = "covid19.reserve-civique.gouv.fr"
  content = "203.0.113.10"
  proxied = true
  ttl     = 1
  comment = "origin of the site"
}

resource "cloudflare_dns_record" "a_covid19_reserve-civique_gouv_fr_d29d04a3" {
  zone_id = var.cloudflare_zone_id
  type    = "A"
  name    = "covid19.reserve-civique.gouv.fr"
  content = "203.0.113.11"
  proxied = true
  ttl     = 1
  comment = "origin of the site"
}
