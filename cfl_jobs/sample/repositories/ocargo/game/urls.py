from django.urls import path

from game.views import level

urlpatterns = [path("", level, name="level")]
